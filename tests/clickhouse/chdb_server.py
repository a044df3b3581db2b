"""Today's ClickHouse engine (chdb) in a process of its own, behind as much of ClickHouse's HTTP as `Client` uses.

``python chdb_server.py DIRECTORY`` prints the port and serves until its stdin is closed. One process per directory. It
checks the dialect against the current engine; what several servers do together, only the real cluster can show.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

_OF_HTTP = {"database", "query", "wait_end_of_query", "buffer_size", "user", "password", "default_format"}


class Engine:
    """One engine, asked by one thread at a time."""

    def __init__(self, directory: Path) -> None:
        from chdb import session  # type: ignore[import-not-found, unused-ignore]

        self._session: Any = session.Session(str(directory / "engine"))
        self._lock = threading.Lock()
        self._spool = directory

    def answer(self, asked: dict[str, str], body: bytes) -> bytes:
        """The answer of a request. Raises RuntimeError as the engine does."""
        database = asked.get("database", "default")
        settings = {name: text for name, text in asked.items() if name not in _OF_HTTP}
        with self._lock:
            try:
                self._session.query(f"USE `{database}`")
            except RuntimeError as error:
                raise RuntimeError(f"Code: 81. DB::Exception: {error}") from None
            try:
                for name, text in settings.items():
                    quoted = text.replace("\\", "\\\\").replace("'", "\\'")
                    self._session.query(f"SET {name} = '{quoted}'")
                if asked.get("query", "").lstrip().upper().startswith("INSERT"):
                    return self._insert(asked["query"], body)
                text = (asked.get("query", "") + "\n" + body.decode("utf-8", "surrogatepass")).strip()
                sql, _, form = text.rpartition("\nFORMAT ")
                if not sql and " FORMAT " in text:
                    sql, _, form = text.rpartition(" FORMAT ")
                found = self._session.query(sql or text, form.strip() or "TabSeparated")
                return bytes(found.bytes() or b"") if found is not None else b""
            finally:
                for name in settings:
                    self._session.query(f"SET {name} = DEFAULT")

    def _insert(self, query: str, body: bytes) -> bytes:
        head, _, form = query.rpartition(" FORMAT ")
        with tempfile.NamedTemporaryFile(dir=self._spool, suffix=".block") as file:
            file.write(body)
            file.flush()
            self._session.query(f"{head} FROM INFILE '{file.name}' COMPRESSION 'none' FORMAT {form}")
        return b""


def serve(directory: Path) -> None:
    """Serve until stdin is closed."""
    engine = Engine(directory)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            asked = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
            try:
                body, status = engine.answer(asked, self._body()), 200
            except Exception as error:
                body, status = str(error).encode(), 500
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _body(self) -> bytes:
            if "chunked" not in self.headers.get("Transfer-Encoding", ""):
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()


def is_here() -> bool:
    """Whether chdb is installed."""
    import importlib.util

    return importlib.util.find_spec("chdb") is not None


@contextlib.contextmanager
def running(directory: Path) -> Iterator[int]:
    """A server over ``directory``; its port."""
    directory.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, __file__, str(directory)]
    with (directory / "stderr.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
    assert process.stdin is not None and process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"chdb did not start: {(directory / 'stderr.log').read_text()[-2000:]}")
        yield int(line)
    finally:
        process.stdin.close()
        process.stdout.close()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
