"""The one exception that users see."""

import click


class ProjectError(click.ClickException):
    """Something that the user can fix: shown as one message without a traceback, exit code 1."""
