"""GitHub: pull requests, comments, tags, deployments, repository settings."""
