"""The ASGI application: routes, guards and the words for what goes wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route, Router

from rolltape.errors import MetricNotFound, RunNotFound, StoreError
from rolltape.server.access.door import Door
from rolltape.server.access.views import Projects, Viewed, Views
from rolltape.server.api import Api
from rolltape.server.changes import Changes
from rolltape.server.collecting.collector import Collector
from rolltape.server.collecting.shipping_route import Shipping
from rolltape.server.grouping import Groupings
from rolltape.server.looks import Looks
from rolltape.server.news import News
from rolltape.server.openapi import openapi
from rolltape.server.page import STATIC, Page
from rolltape.server.query import Refused, shown
from rolltape.server.reading.routes import Reading
from rolltape.server.replies import refusal
from rolltape.server.security import Guard
from rolltape.server.sources import Sources
from rolltape.server.token import Token
from rolltape.store import DirectoryStore
from rolltape.tape.shipment import LARGEST_ALONE

_METHODS = ["GET"]  # and HEAD
_CHANGES = ["POST"]


def create_app(
    store: DirectoryStore,
    *,
    hosts: Iterable[str] = (),
    own_addresses: bool = False,
    token: Token | None = None,
    door: Door | None = None,
    behind_proxy: bool = False,
    writable: bool = False,
    static: Path | None = None,
    collector: Collector | None = None,
    largest: int = LARGEST_ALONE,
) -> Starlette:
    """The application that shows the runs of ``store``. It only reads, unless it is writable.

    Args:
        store: where the runs lie.
        hosts: names that requests may call this server by, besides those of the loopback.
        own_addresses: whether they may also call it by the address that they came to.
        token: what they must know; None: nothing.
        door: in the token's place, what knows the tokens of a file; each sees the projects in its scopes only.
        behind_proxy: whether all requests come through a proxy whose X-Forwarded-Proto and X-Forwarded-For hold.
        writable: whether notes may be written and runs moved to the trash.
        static: the directory of the built page, which may be missing; None: the one in this package.
        collector: writes the tapes that other machines send; None: none are taken.
        largest: bytes that one shipment of them may have.
    """

    def view(projects: Projects) -> Starlette:
        seen = store if projects is None else DirectoryStore(store.root, projects)
        return _application(seen, False, static)

    guard = Middleware(
        Guard, hosts=hosts, own_addresses=own_addresses, token=token, door=door, behind_proxy=behind_proxy
    )
    views = Views(view)
    outside = [guard, Middleware(Viewed, views)]
    return _application(store, writable, static, outside, views, collector, largest)


def _application(
    store: DirectoryStore,
    writable: bool,
    static: Path | None,
    outside: Sequence[Middleware] = (),
    views: Views | None = None,
    collector: Collector | None = None,
    largest: int = LARGEST_ALONE,
) -> Starlette:
    """The routes about ``store``. What stands outside of them decides who comes in, and who sees one of the views."""
    looks = Looks(store)
    news = News(looks)
    shipping = Shipping(collector, largest)
    sources = Sources(store, Groupings(store), looks)
    api = Api(sources, news, writable=writable)
    changes = Changes(sources, writable=writable)
    reading = Reading(sources.store)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        await news.aclose()
        if views is not None:
            await views.aclose()
        shipping.close()

    def close_streams() -> None:
        news.close()
        if views is not None:
            views.close()

    # Apart from the page, whose route answers GET for every path
    routes = [
        Route("/runs", api.runs, methods=_METHODS),
        Route("/groups", api.groups, methods=_METHODS),
        Route("/metrics", api.metrics, methods=_METHODS),
        Route("/curve", api.curve, methods=_METHODS),
        Route("/histogram", api.histogram, methods=_METHODS),
        Route("/compare", api.compare, methods=_METHODS),
        Route("/sweep", api.sweep, methods=_METHODS),
        Route("/run", api.run, methods=_METHODS),
        Route("/summaries", api.summaries, methods=_METHODS),
        Route("/session", api.session, methods=_METHODS),
        Route("/media/{project}/{run}/{file}", api.media, methods=_METHODS),
        Route("/events", api.events, methods=_METHODS),
        Route("/openapi.json", openapi, methods=_METHODS),
        Route("/notes", changes.notes, methods=_CHANGES),
        Route("/delete", changes.delete, methods=_CHANGES),
        Route("/ship", shipping.ship, methods=_CHANGES),
        *reading.routes(),
    ]
    app = Starlette(
        routes=[
            Mount("/api", Router(routes, redirect_slashes=False)),
            Route("/{path:path}", Page(static or STATIC).get, methods=_METHODS),
        ],
        middleware=outside,
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
    app.state.close_streams = close_streams
    return app


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return refusal(error.sentence, error.status)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        allowed = ", ".join(sorted((error.headers or {}).get("Allow", "GET, HEAD").split(", ")))
        sentence = f"{request.method} is not served at {shown(request.url.path)}: only {allowed}"
        return refusal(sentence, 405, {"allow": allowed})
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
