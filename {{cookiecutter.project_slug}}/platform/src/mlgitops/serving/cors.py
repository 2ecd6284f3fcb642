"""Lets web pages of other origins call the service, where a setting allows it."""

from collections.abc import Awaitable, Callable

from starlette.middleware.cors import CORSMiddleware

from .admission import Message, Receive, Send
from .limits import Limits

App = Callable[[Message, Receive, Send], Awaitable[None]]


def with_cors(app: App, limits: Limits) -> App:
    """Return *app* with answers for browsers that ask for another origin; *app* itself if none is allowed."""
    if not limits.cors_origins:
        return app
    return CORSMiddleware(
        app,
        allow_origins=limits.cors_origins.split(","),
        allow_methods=["GET", "POST"],
        allow_headers=["Authorization", "X-Contract-Version", "X-Request-Id"],
        expose_headers=["Retry-After", "X-Contract-Version", "X-Model-Version", "X-Prediction-Id", "X-Request-Id"],
    )
