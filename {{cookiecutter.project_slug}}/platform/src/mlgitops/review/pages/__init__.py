"""The review as pages: HTML for a browser, Markdown for a pull request."""
