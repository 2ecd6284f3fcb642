"""What happens at GitHub: pull requests, comments, tags, deployments."""
