"""The ASGI application: routes, guards and the words for what goes wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rolltape.errors import MetricNotFound, RunNotFound, StoreError
from rolltape.server.api import Api
from rolltape.server.looks import Looks
from rolltape.server.news import News
from rolltape.server.page import STATIC, Page
from rolltape.server.query import Refused, shown
from rolltape.server.replies import refusal
from rolltape.server.security import Guard
from rolltape.store import DirectoryStore

_METHODS = ["GET"]  # and HEAD


def create_app(store: DirectoryStore, *, hosts: Iterable[str] = (), static: Path | None = None) -> Starlette:
    """The application that shows the runs of ``store``. It only reads.

    Args:
        store: where the runs lie.
        hosts: names that requests may call this server by, besides those of the loopback.
        static: the directory of the built page, which may be missing; None: the one in this package.
    """
    looks = Looks(store)
    news = News(looks)
    api = Api(store, looks, news)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        await news.aclose()

    app = Starlette(
        routes=[
            Route("/api/runs", api.runs, methods=_METHODS),
            Route("/api/metrics", api.metrics, methods=_METHODS),
            Route("/api/curve", api.curve, methods=_METHODS),
            Route("/api/run", api.run, methods=_METHODS),
            Route("/api/media/{project}/{run}/{file}", api.media, methods=_METHODS),
            Route("/api/events", api.events, methods=_METHODS),
            Route("/{path:path}", Page(static or STATIC).get, methods=_METHODS),
        ],
        middleware=[Middleware(Guard, hosts=hosts)],
        exception_handlers={
            Refused: _refused,
            HTTPException: _http,
            StoreError: _unanswered,
            OSError: _unreadable,
            Exception: _failed,
        },
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    app.state.news = news
    return app


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return refusal(error.sentence, error.status)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        return refusal(f"{request.method} is not served: only GET and HEAD are", 405, {"allow": "GET, HEAD"})
    sentence = error.detail if error.detail != "Not Found" else f"the path {shown(request.url.path)} is not served"
    return refusal(sentence, error.status_code)


async def _unanswered(_request: Request, error: Exception) -> Response:
    """What the store says, mostly of runs that went away after they were looked at."""
    return refusal(str(error), 404 if isinstance(error, RunNotFound | MetricNotFound) else 400)


async def _unreadable(_request: Request, error: Exception) -> Response:
    """Files that go away while they are read."""
    return refusal(f"run: its files cannot be read: {error}", 404)


async def _failed(_request: Request, _error: Exception) -> Response:
    """An error of the server itself; its trace is logged."""
    return refusal("the server failed to answer; its log tells why", 500)
