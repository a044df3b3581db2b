"""The routes under /api. Files are read in worker threads, few at a time; what has not changed is answered 304."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from rolltape._version import __version__
from rolltape.server.answers import compare, curve, groups, histogram, runs, sweep
from rolltape.server.choice import Choice, Line
from rolltape.server.files import MEDIA, file_reply, find_file, is_plain
from rolltape.server.news import News
from rolltape.server.odd_names import meant
from rolltape.server.query import Refused, choice_of, grouping_of, params_of, run_of, runs_of
from rolltape.server.replies import FRESH, is_known, json_reply, not_modified
from rolltape.server.sources import Sources
from rolltape.server.strict_json import Partial, encode
from rolltape.store.run_files import RunFiles

_AT_A_TIME = 4
_MOST_LISTENERS = 64
_BINARY = "application/octet-stream"

T = TypeVar("T")


class Api:
    """Answers questions about the runs of a store."""

    def __init__(self, sources: Sources, news: News, *, writable: bool) -> None:
        self._sources = sources
        self._store = sources.store
        self._looks = sources.looks
        self._news = news
        self._writable = writable
        self._lookers = CapacityLimiter(_AT_A_TIME)
        self._workers = CapacityLimiter(_AT_A_TIME)

    async def session(self, _request: Request) -> Response:
        """GET /api/session"""
        told = {"writable": self._writable, "store": str(self._store.root), "rolltape": __version__}
        return json_reply(told)

    async def runs(self, request: Request) -> Response:
        """GET /api/runs"""

        def tell(every: list[RunFiles], version: int) -> bytes:
            return encode({"version": version, "runs": runs.tell_runs(every)})

        keys = runs_of(params_of(request))
        return await self._answer(request, lambda: self._files(keys), tell)

    async def groups(self, request: Request) -> Response:
        """GET /api/groups"""
        params = params_of(request)
        query, options = groups.groups_query(params), grouping_of(params)

        def tell(_: list[RunFiles], version: int) -> bytes:
            return groups.tell_groups(self._sources, options, query, version)

        return await self._answer(request, lambda: self._files([]), tell)

    async def metrics(self, request: Request) -> Response:
        """GET /api/metrics"""

        def tell(lines: list[Line], files: dict[str, RunFiles], version: int) -> bytes:
            return encode({"version": version, "metrics": runs.tell_metrics(lines, files)})

        return await self._about_lines(request, tell)

    async def curve(self, request: Request) -> Response:
        """GET /api/curve"""
        query = curve.curve_query(params_of(request))

        def tell(lines: list[Line], _: dict[str, RunFiles], version: int) -> bytes:
            return curve.tell_curve(self._sources, lines, query, version)

        return await self._about_lines(request, tell, _BINARY)

    async def histogram(self, request: Request) -> Response:
        """GET /api/histogram"""
        query = histogram.histogram_query(params_of(request))

        def tell(lines: list[Line], _: dict[str, RunFiles], version: int) -> bytes:
            return histogram.tell_histogram(self._sources, lines, query, version)

        return await self._about_lines(request, tell, _BINARY)

    async def compare(self, request: Request) -> Response:
        """GET /api/compare"""
        query = compare.compare_query(params_of(request))

        def tell(lines: list[Line], _: dict[str, RunFiles], version: int) -> bytes:
            return compare.tell_comparison(self._sources, lines, query, version)

        return await self._about_lines(request, tell)

    async def sweep(self, request: Request) -> Response:
        """GET /api/sweep"""
        params = params_of(request)
        query, options = sweep.sweep_query(params), grouping_of(params)

        def tell(_: list[RunFiles], version: int) -> bytes:
            return sweep.tell_sweep(self._sources, options, query, version)

        return await self._answer(request, lambda: self._files([]), tell)

    async def run(self, request: Request) -> Response:
        """GET /api/run"""
        key = run_of(params_of(request))

        def tell(chosen: list[RunFiles], version: int) -> bytes:
            return encode({"version": version, **runs.tell_all_of_run(chosen[0])})

        return await self._answer(request, lambda: self._files([key]), tell)

    async def summaries(self, request: Request) -> Response:
        """GET /api/summaries"""
        key = run_of(params_of(request))

        def tell(chosen: list[RunFiles], version: int) -> bytes:
            return encode({"version": version, "metrics": runs.tell_summaries(self._store, chosen[0])})

        return await self._answer(request, lambda: self._files([key]), tell)

    async def media(self, request: Request) -> Response:
        """GET /api/media/PROJECT/ID/FILE"""
        project, run, name = (meant(request.path_params[part]) for part in ("project", "run", "file"))
        if not is_plain(project) or not is_plain(run):
            raise HTTPException(404)
        directory = self._store.root / project / run

        def find() -> Response | None:
            if not self._store.shows(f"{project}/{run}") or not (directory / "run.json").is_file():
                return None
            file = find_file(directory / "media", name, within=directory)
            return file and file_reply(request, file, MEDIA)

        try:
            reply = await run_sync(find, limiter=self._lookers)
        except OSError:  # a name too long for the file system
            reply = None
        if reply is None:
            raise HTTPException(404, "there is no such file in the media of a run")
        return reply

    async def events(self, request: Request) -> Response:
        """GET /api/events"""
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        if request.method == "HEAD":
            return Response(headers=headers, media_type="text/event-stream")
        if self._news.listeners >= _MOST_LISTENERS:
            raise Refused(f"{_MOST_LISTENERS} pages listen already, which is the most: close one of them", 503)
        return StreamingResponse(self._news.stream(), headers=headers, media_type="text/event-stream")

    def _files(self, keys: list[str]) -> tuple[list[RunFiles], list[RunFiles]]:
        chosen = runs.choose(self._store, keys)
        return chosen, chosen

    async def _about_lines(
        self,
        request: Request,
        tell: Callable[[list[Line], dict[str, RunFiles], int], bytes],
        media_type: str = "application/json",
    ) -> Response:
        """`_answer` about the groups and runs that the request names; about every run if it names none."""
        choice = choice_of(params_of(request))

        def choose() -> tuple[list[Line], list[RunFiles]]:
            wanted = choice
            if not choice.lines:
                wanted = Choice(tuple(files.key for files in self._store.run_files()), choice.options)
            lines = self._sources.groupings.lines(wanted)
            keys = list(dict.fromkeys(key for line in lines for key in line.keys))
            return lines, runs.choose(self._store, keys) if keys else []

        def tell_of(lines: list[Line], version: int) -> bytes:
            keys = list(dict.fromkeys(key for line in lines for key in line.keys))
            files = {files.key: files for files in runs.choose(self._store, keys)} if keys else {}
            return tell(lines, files, version)

        return await self._answer(request, choose, tell_of, media_type, named=repr)

    async def _answer(
        self,
        request: Request,
        choose: Callable[[], tuple[T, list[RunFiles]]],
        tell: Callable[[T, int], bytes],
        media_type: str = "application/json",
        named: Callable[[T], str] = lambda _: "",
    ) -> Response:
        """304, or what ``tell`` says.

        Args:
            request: names the question.
            choose: finds what it is about, and the runs on which the answer depends. Raises Refused.
            tell: answers; the number is the version that the page is told.
            media_type: of the answer.
            named: what of the found goes into the answer besides what is in the runs.
        """

        def look() -> tuple[T, str, int]:
            about, files = choose()
            stamps = self._looks.look(files)
            question = request.url.path.encode() + b"?" + request.scope["query_string"]
            question += b"\0" + named(about).encode(errors="surrogatepass")
            return about, self._looks.etag(question, files, stamps), self._looks.version

        about, etag, version = await run_sync(look, limiter=self._lookers, abandon_on_cancel=True)
        if is_known(request, etag):
            return not_modified(etag)
        body = await run_sync(tell, about, version, limiter=self._workers, abandon_on_cancel=True)
        headers = dict(FRESH) if isinstance(body, Partial) else {**FRESH, "etag": etag}
        return Response(body, headers=headers, media_type=media_type)
