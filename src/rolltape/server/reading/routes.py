"""The routes under /api/store, for `rolltape.open("https://…")`. They read only; those by POST are long questions."""

from __future__ import annotations

from collections.abc import Iterator

from anyio import CapacityLimiter
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rolltape.server.access.scopes import CURVES
from rolltape.server.changes import body_of
from rolltape.server.query import Refused, params_of, shown, word_of
from rolltape.server.reading import answers
from rolltape.server.reading.answers import Source
from rolltape.server.reading.questions import LARGEST_BODY, PARTS, curves_asked, points_asked, run_named, text_of
from rolltape.server.reading.streamed import Streamed
from rolltape.server.replies import refusal

MOST_STREAMS = 32  # answers that are under way

_AT_A_TIME = 4  # of them that are being made
_GET = ["GET"]  # and HEAD


class Reading:
    """Answers another rolltape as the store itself would."""

    def __init__(self, store: Source) -> None:
        self._store = store
        self._workers = CapacityLimiter(_AT_A_TIME)
        self._under_way = 0

    def routes(self) -> list[Route]:
        """What is served, as below /api."""
        return [
            Route("/store/runs", self.runs, methods=_GET),
            Route("/store/run", self.run, methods=_GET),
            Route("/store/summaries", self.summaries, methods=_GET),
            Route("/store/points", self.points, methods=_GET),
            Route(CURVES.removeprefix("/api"), self.curves, methods=["POST"]),
        ]

    async def runs(self, request: Request) -> Response:
        """GET /api/store/runs"""
        params = params_of(request)
        return self._streamed(answers.runs(self._store, text_of(params, "project"), text_of(params, "where")))

    async def run(self, request: Request) -> Response:
        """GET /api/store/run"""
        params = params_of(request)
        return self._streamed(answers.part_of_run(self._store, run_named(params), word_of(params, "part", PARTS)))

    async def summaries(self, request: Request) -> Response:
        """GET /api/store/summaries"""
        return self._streamed(answers.summaries(self._store, run_named(params_of(request))))

    async def points(self, request: Request) -> Response:
        """GET /api/store/points"""
        return self._streamed(answers.points(self._store, points_asked(params_of(request))))

    async def curves(self, request: Request) -> Response:
        """POST /api/store/curves"""
        if params_of(request):
            raise Refused(f"{shown(next(iter(request.query_params)))} is no parameter: what is asked is in the body")
        if self._is_full():
            return self._too_many()
        self._under_way += 1  # also while the body comes
        try:
            asked = curves_asked(await body_of(request, LARGEST_BODY))
        finally:
            self._under_way -= 1
        return self._streamed(answers.curves(self._store, asked))

    def _streamed(self, blocks: Iterator[bytes]) -> Response:
        if self._is_full():
            return self._too_many()
        self._under_way += 1
        return Streamed(blocks, self._workers, self._end)

    def _end(self) -> None:
        self._under_way -= 1

    def _is_full(self) -> bool:
        return self._under_way >= MOST_STREAMS

    def _too_many(self) -> Response:
        sentence = f"{MOST_STREAMS} answers are under way, which is the most at one time: try again"
        return refusal(sentence, 503, {"retry-after": "1"})
