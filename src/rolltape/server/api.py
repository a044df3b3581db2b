"""The routes under /api. Files are read in worker threads, few at a time; what has not changed is answered 304."""

from __future__ import annotations

from collections.abc import Callable

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from rolltape.server import answers
from rolltape.server.files import MEDIA, file_reply, find_file, is_plain
from rolltape.server.looks import Looks
from rolltape.server.news import News
from rolltape.server.query import curve_of, params_of, run_of, runs_of
from rolltape.server.replies import FRESH, is_known, not_modified
from rolltape.server.strict_json import encode
from rolltape.store import DirectoryStore
from rolltape.store.run_files import RunFiles

_AT_A_TIME = 4


class Api:
    """Answers questions about the runs of ``store``."""

    def __init__(self, store: DirectoryStore, looks: Looks, news: News) -> None:
        self._store = store
        self._looks = looks
        self._news = news
        self._lookers = CapacityLimiter(_AT_A_TIME)
        self._workers = CapacityLimiter(_AT_A_TIME)

    async def runs(self, request: Request) -> Response:
        """GET /api/runs"""

        def tell(every: list[RunFiles], version: int) -> bytes:
            return encode({"version": version, "runs": answers.tell_runs(every)})

        return await self._answer(request, None, tell)

    async def metrics(self, request: Request) -> Response:
        """GET /api/metrics"""
        keys = runs_of(params_of(request))
        return await self._answer(request, keys, lambda chosen, _: encode({"metrics": answers.tell_metrics(chosen)}))

    async def curve(self, request: Request) -> Response:
        """GET /api/curve"""
        query = curve_of(params_of(request))

        def tell(chosen: list[RunFiles], version: int) -> bytes:
            return answers.tell_curve(self._store, chosen, query, version)

        return await self._answer(request, query.runs, tell, "application/octet-stream")

    async def run(self, request: Request) -> Response:
        """GET /api/run"""
        key = run_of(params_of(request))
        return await self._answer(request, [key], lambda chosen, _: encode(answers.tell_all_of_run(chosen[0])))

    async def media(self, request: Request) -> Response:
        """GET /api/media/PROJECT/ID/FILE"""
        project, run, name = (request.path_params[part] for part in ("project", "run", "file"))
        if not is_plain(project) or not is_plain(run):
            raise HTTPException(404)
        directory = self._store.root / project / run

        def find() -> Response | None:
            if not (directory / "run.json").is_file():
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
        return StreamingResponse(self._news.stream(), headers=headers, media_type="text/event-stream")

    async def _answer(
        self,
        request: Request,
        keys: list[str] | None,
        tell: Callable[[list[RunFiles], int], bytes],
        media_type: str = "application/json",
    ) -> Response:
        """304, or what ``tell`` says of the runs with these keys. Raises Refused."""

        def look() -> tuple[list[RunFiles], str, int]:
            if keys:
                chosen = answers.choose(self._store, keys)
                stamps = self._looks.look(chosen)
            else:
                chosen, stamps = self._looks.look_at_all()
            question = request.url.path.encode() + b"?" + request.scope["query_string"]
            return chosen, self._looks.etag(question, chosen, stamps), self._looks.version

        chosen, etag, version = await run_sync(look, limiter=self._lookers, abandon_on_cancel=True)
        if is_known(request, etag):
            return not_modified(etag)
        body = await run_sync(tell, chosen, version, limiter=self._workers, abandon_on_cancel=True)
        return Response(body, headers={**FRESH, "etag": etag}, media_type=media_type)
