"""The page itself: what the build of ui/ left in _static, or a page that says that there was no build."""

from __future__ import annotations

from pathlib import Path

from anyio.to_thread import run_sync
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from rolltape.server.files import PAGE, file_reply, find_file
from rolltape.server.replies import FRESH

STATIC = Path(__file__).with_name("_static")

_FOREVER = {"cache-control": "public, max-age=31536000, immutable"}  # names under assets/ hold a hash

_NOT_BUILT = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>rolltape</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 38rem; margin: 15vh auto; padding: 0 1.5rem }
  code, pre { font: 0.9em ui-monospace, monospace; background: #8882; border-radius: 4px; padding: 0.1em 0.3em }
  pre { padding: 0.8em 1em }
</style>
<h1>The page was not built in this install</h1>
<p>The server works and answers under <a href="api/runs"><code>/api</code></a>; only the page that draws the charts
is missing. In a source checkout, build it with</p>
<pre>pip install -e .</pre>
<p>That needs no Node.js of your own: it comes as a Python wheel while building. The environment variable
<code>ROLLTAPE_SKIP_UI</code> must not be set. Then restart the server. Wheels of rolltape hold the built page.</p>
</html>
"""


class Page:
    """Serves the page and its assets from ``static``."""

    def __init__(self, static: Path = STATIC) -> None:
        self.static = static

    async def get(self, request: Request) -> Response:
        """``/`` and everything that no other route answers."""
        path: str = request.path_params.get("path", "")
        names = path.split("/") if path else ["index.html"]
        file = await run_sync(lambda: find_file(self.static, *names))
        if file is not None:
            hashed = len(names) > 1 and names[0] == "assets"
            return file_reply(request, file, PAGE, _FOREVER if hashed else FRESH)
        if not path:
            return HTMLResponse(_NOT_BUILT, headers=FRESH)
        raise HTTPException(404)
