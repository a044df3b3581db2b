"""Serving a directory of tapes: in this thread until Ctrl-C, or beside other work."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from rolltape.errors import StoreError
from rolltape.server.ports import listen, url_of
from rolltape.store import DirectoryStore

if TYPE_CHECKING:
    from rolltape.server.uvicorn_server import Server


def _ignore(_url: str) -> None:
    pass


def serve(
    store_directory: Path,
    host: str = "127.0.0.1",
    port: int | None = None,
    on_ready: Callable[[str], None] = _ignore,
) -> None:
    """Show the runs under a directory in the browser. Returns after Ctrl-C.

    Args:
        store_directory: of the tapes; made if it is missing.
        host: ``localhost`` or an address of the loopback; others are refused, as there is no access control yet.
        port: 0: any free one; None: 7070, else the next free one up to 7090, else any.
        on_ready: called with the page's address once connections are accepted.

    Raises:
        StoreError: the host is not allowed, the port cannot be had, or the directory cannot be made.
    """
    with contextlib.closing(listen(host, port)) as bound:
        server = _server(store_directory, bound, on_ready)
        with contextlib.suppress(KeyboardInterrupt):  # how such a server is meant to be ended
            server.run(sockets=[bound])


def serve_in_background(directory: Path, port: int | None = None) -> Served:
    """Serve the runs under a directory from a thread. Returns when connections are accepted; `serve` tells the rest.

    Raises:
        StoreError: the port cannot be had, or the directory cannot be made.
    """
    return Served(directory, port)


class Served:
    """A server in a background thread; made by `serve_in_background`. As a context manager it closes itself."""

    def __init__(self, directory: Path, port: int | None) -> None:
        self._bound = listen("127.0.0.1", port)
        self.url = url_of(self._bound)
        ready = threading.Event()
        self._ended: BaseException | None = None

        def run() -> None:
            try:
                self._server.run(sockets=[self._bound])
            except BaseException as error:  # told by the thread that waits
                self._ended = error
            finally:
                ready.set()

        try:
            self._server = _server(directory, self._bound, lambda _url: ready.set())
        except BaseException:
            self._bound.close()
            raise
        self._thread = threading.Thread(target=run, name="rolltape-server", daemon=True)
        self._thread.start()
        ready.wait()
        if not self._server.started:
            self.close()
            raise StoreError(f"cannot serve {directory} at {self.url}: {self._ended!r}") from self._ended

    def close(self) -> None:
        """End the server and its streams; takes about half a second. May be called again."""
        self._server.should_exit = True
        self._thread.join(timeout=10)
        self._bound.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _server(directory: Path, bound: socket.socket, on_ready: Callable[[str], None]) -> Server:
    from rolltape.server.app import create_app
    from rolltape.server.uvicorn_server import Server

    root = Path(directory).expanduser()
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot make the directory {root}: {error.strerror or error}") from error
    url = url_of(bound)
    host = urlsplit(url).netloc.rpartition(":")[0]
    return Server(create_app(DirectoryStore(root), hosts=[host]), lambda: on_ready(url))
