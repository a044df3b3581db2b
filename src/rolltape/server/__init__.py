"""The page and the API of `rolltape ui`: an HTTP server that reads a directory of tapes and changes no recording."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rolltape.server.serving import Served, serve, serve_in_background

if TYPE_CHECKING:
    from rolltape.server.app import create_app

__all__ = ["Served", "create_app", "serve", "serve_in_background"]


def __getattr__(name: str) -> Any:
    """Starlette and uvicorn are loaded when something is served."""
    if name == "create_app":
        from rolltape.server.app import create_app

        return create_app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
