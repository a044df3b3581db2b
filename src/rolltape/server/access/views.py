"""What each caller sees: for each set of projects an application of its own, whose store holds no others.

So no route needs to know of scopes, and none can tell of a project by mistake.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from rolltape.server.access.scopes import needed, scopes_of

MOST_VIEWS = 64  # those used longest ago are closed: their streams end, and open again with a new one

Projects = frozenset[str] | None  # as their directories are called; None: all


class Views:
    """The applications for those who only read, each made when it is first needed. For one event loop."""

    def __init__(self, make: Callable[[Projects], Starlette]) -> None:
        self._make = make
        self._made: OrderedDict[Projects, Starlette] = OrderedDict()

    def of(self, projects: Projects) -> Starlette:
        """The application that shows these projects."""
        found = self._made.get(projects)
        if found is None:
            found = self._made[projects] = self._make(projects)
            while len(self._made) > MOST_VIEWS:
                self._made.popitem(last=False)[1].state.close_streams()
        self._made.move_to_end(projects)
        return found

    def close(self) -> None:
        """End the streams of all."""
        for app in self._made.values():
            app.state.close_streams()

    async def aclose(self) -> None:
        """`close`, and wait until no look is under way."""
        for app in self._made.values():
            await app.state.news.aclose()


class Viewed:
    """ASGI middleware behind `Guard`: who may do everything sees ``app``, who only reads a view."""

    def __init__(self, app: ASGIApp, views: Views) -> None:
        self.app = app
        self.views = views

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self.app
        if scope["type"] == "http":
            scopes = scopes_of(scope)
            if not scopes.admin and needed(scope["method"], scope["path"]) == "read":
                app = self.views.of(scopes.seen())
        await app(scope, receive, send)
