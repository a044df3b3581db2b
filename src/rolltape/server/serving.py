"""Serving a directory of tapes: in this thread until Ctrl-C, or beside other work."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rolltape.errors import StoreError
from rolltape.server.collecting.options import Collecting
from rolltape.server.ports import host_names, is_loopback, listen, urls_of
from rolltape.server.tls import Tls
from rolltape.store import DirectoryStore
from rolltape.tape.shipment import LARGEST_ALONE

if TYPE_CHECKING:
    from rolltape.server.uvicorn_server import Server


def _ignore(_urls: list[str]) -> None:
    pass


def serve(
    store_directory: Path,
    host: str = "127.0.0.1",
    port: int | None = None,
    on_ready: Callable[[list[str]], None] = _ignore,
    *,
    token: str | None = None,
    allowed_hosts: Iterable[str] = (),
    writable: bool = False,
    token_file: Path | None = None,
    behind_proxy: bool = False,
    collecting: Collecting | None = None,
    tls: Tls | None = None,
) -> None:
    """Show the runs under a directory in the browser. Returns after Ctrl-C.

    Args:
        store_directory: of the tapes; made if it is missing.
        host: a name or address of this machine; ``0.0.0.0`` and ``::`` are all of them.
        port: 0: any free one; None: 7070, else the next free one up to 7090, else any.
        on_ready: called with the addresses of the page, the token in them, once connections are accepted.
        token: what one must know to see the page; None: nothing where only this machine can reach it, else one is made.
        allowed_hosts: further names that requests may call this server by.
        writable: whether notes may be written and runs moved to the trash.
        token_file: of `rolltape token`: in the place of one token, those of this file, each with its scopes.
        behind_proxy: whether all requests come through a proxy whose X-Forwarded-Proto and X-Forwarded-For hold.
        collecting: how tapes of other machines are collected in the directory; None: none are.
        tls: the certificate to serve HTTPS with; None: plain HTTP.

    Raises:
        StoreError: host, token, token_file or a name is not possible, the port cannot be had, or the directory cannot
            be made.
    """
    with contextlib.closing(listen(host, port)) as bound:
        token = _token(token, bound, token_file)
        names = host_names(bound, host, allowed_hosts)
        urls = [_with_token(_with_scheme(url, tls), token) for url in urls_of(bound)]
        how = token_file, behind_proxy, collecting, tls
        server = _server(store_directory, bound, lambda: on_ready(urls), token, names, writable, *how)
        with contextlib.suppress(KeyboardInterrupt):  # how such a server is meant to be ended
            server.run(sockets=[bound])


def serve_in_background(
    directory: Path,
    port: int | None = None,
    *,
    host: str = "127.0.0.1",
    token: str | None = None,
    allowed_hosts: Iterable[str] = (),
    writable: bool = False,
    token_file: Path | None = None,
    behind_proxy: bool = False,
    collecting: Collecting | None = None,
    tls: Tls | None = None,
) -> Served:
    """Serve the runs under a directory from a thread. Returns when connections are accepted; `serve` tells the rest.

    Raises:
        StoreError: host, token or a name is not possible, the port cannot be had, or the directory cannot be made.
    """
    how = token_file, behind_proxy, collecting, tls
    return Served(directory, port, host, token, allowed_hosts, writable, *how)


class Served:
    """A server in a background thread; made by `serve_in_background`. As a context manager it closes itself.

    Attributes:
        url: the address of the page.
        token: what one must know to see it; None: nothing.
    """

    def __init__(
        self,
        directory: Path,
        port: int | None,
        host: str,
        token: str | None,
        allowed_hosts: Iterable[str],
        writable: bool,
        token_file: Path | None = None,
        behind_proxy: bool = False,
        collecting: Collecting | None = None,
        tls: Tls | None = None,
    ) -> None:
        self._bound = listen(host, port)
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
            self.url = _with_scheme(urls_of(self._bound)[0], tls)
            self.token = _token(token, self._bound, token_file)
            names = host_names(self._bound, host, allowed_hosts)
            how = token_file, behind_proxy, collecting, tls
            self._server = _server(directory, self._bound, ready.set, self.token, names, writable, *how)
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


def _token(given: str | None, bound: socket.socket, token_file: Path | None) -> str | None:
    from rolltape.server.token import checked_token, make_token

    if token_file is not None:
        if given is not None:
            raise StoreError("there can be one token, or a token file with many: give one of the two")
        return None
    if given is not None:
        return checked_token(given)
    return None if is_loopback(bound) else make_token()


def _with_token(url: str, token: str | None) -> str:
    return url if token is None else f"{url}?token={token}"


def _with_scheme(url: str, tls: Tls | None) -> str:
    return url if tls is None else url.replace("http://", "https://", 1)


def _server(
    directory: Path,
    bound: socket.socket,
    on_ready: Callable[[], None],
    token: str | None,
    names: list[str],
    writable: bool,
    token_file: Path | None,
    behind_proxy: bool,
    collecting: Collecting | None,
    tls: Tls | None,
) -> Server:
    from rolltape.server.access.door import Door
    from rolltape.server.access.watched_tokens import WatchedTokens
    from rolltape.server.app import create_app
    from rolltape.server.collecting.collector import Collector
    from rolltape.server.token import Token
    from rolltape.server.uvicorn_server import Server

    root = Path(directory).expanduser()
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot make the directory {root}: {error.strerror or error}") from error
    port = bound.getsockname()[1]
    app = create_app(
        DirectoryStore(root),
        hosts=names,
        own_addresses=not is_loopback(bound),
        token=None if token is None else Token(token, port),
        door=None if token_file is None else Door(WatchedTokens(token_file), port),
        behind_proxy=behind_proxy,
        writable=writable,
        collector=None if collecting is None else Collector(root, synced=collecting.synced),
        largest=LARGEST_ALONE if collecting is None else collecting.largest,
    )
    return Server(app, on_ready, collects=collecting is not None, tls=tls)
