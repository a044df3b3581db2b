"""The page itself: what the build of ui/ left in _static, or a page that says that there was no build."""

from __future__ import annotations

from pathlib import Path

from anyio.to_thread import run_sync
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from rolltape.server.files import PAGE, file_reply, find_file
from rolltape.server.replies import FRESH, html_page

STATIC = Path(__file__).with_name("_static")

_FOREVER = {"cache-control": "public, max-age=31536000, immutable"}  # names under assets/ hold a hash

_COMPRESSED = {".br": "br", ".gz": "gzip"}

_NOT_BUILT = """<p>The server works and answers under <a href="api/runs"><code>/api</code></a>; only the page that draws
the charts is missing. In a source checkout, build it with</p>
<pre>pip install -e .</pre>
<p>That needs no Node.js of your own: it comes as a Python wheel while building. The environment variable
<code>ROLLTAPE_SKIP_UI</code> must not be set. Then restart the server. Wheels of rolltape hold the built page.</p>"""


class Page:
    """Serves the page and its assets from ``static``."""

    def __init__(self, static: Path = STATIC) -> None:
        self.static = static

    async def get(self, request: Request) -> Response:
        """``/`` and everything that no other route answers."""
        path: str = request.path_params.get("path", "")
        names = path.split("/") if path else ["index.html"]
        hashed = len(names) > 1 and names[0] == "assets"
        if hashed and (reply := await run_sync(lambda: self._compressed(request, names))) is not None:
            return reply
        file = await run_sync(lambda: find_file(self.static, *names))
        if file is not None:
            return file_reply(request, file, PAGE, _FOREVER if hashed else FRESH)
        if not path:
            return html_page("The page was not built in this install", _NOT_BUILT)
        raise HTTPException(404)

    def _compressed(self, request: Request, names: list[str]) -> Response | None:
        """What the build compressed, in a form that the browser takes; None: there is none."""
        accepted = {part.partition(";")[0].strip() for part in request.headers.get("accept-encoding", "").split(",")}
        media_type = PAGE.get(Path(names[-1]).suffix)
        for suffix, encoding in _COMPRESSED.items():
            if encoding not in accepted or media_type is None:
                continue
            file = find_file(self.static, *names[:-1], names[-1] + suffix)
            if file is not None:
                headers = {**_FOREVER, "content-encoding": encoding, "vary": "accept-encoding"}
                return file_reply(request, file, {suffix: media_type}, headers)
        return None
