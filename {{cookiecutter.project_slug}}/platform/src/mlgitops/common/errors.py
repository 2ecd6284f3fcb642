"""The exception for errors that the user can fix."""

import click


class ProjectError(click.ClickException):
    """An error that the user can fix: shown as a message without a traceback, exit code 1."""
