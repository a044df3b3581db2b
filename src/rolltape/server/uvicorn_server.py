"""uvicorn, with a word when it is ready and streams that end when it leaves."""

from __future__ import annotations

import socket
from collections.abc import Callable

import uvicorn
from starlette.applications import Starlette

from rolltape.server.tls import Tls

_LONGEST_HEAD = 192 << 10  # bytes of a request's head, so that a query that is too long gets our own answer
_MOST_CONNECTIONS = 600  # also those that wait for their next request; `Guard` answers what is too much before that
_MOST_SHIPPERS = 5000  # connections of a server that collects: each machine that ships holds one


class Server(uvicorn.Server):
    """Serves ``app``; calls ``on_ready`` once it accepts connections.

    Args:
        app: what is served.
        on_ready: called from the server's thread.
        collects: whether other machines send tapes here, each over a connection of its own.
        tls: its certificate; None: plain HTTP.
    """

    def __init__(
        self, app: Starlette, on_ready: Callable[[], None], *, collects: bool = False, tls: Tls | None = None
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,  # how a process logs is its own affair
                log_level="warning",
                access_log=False,
                ws="none",
                lifespan="on",
                proxy_headers=False,
                server_header=False,
                h11_max_incomplete_event_size=_LONGEST_HEAD,
                timeout_graceful_shutdown=1,
                limit_concurrency=_MOST_SHIPPERS if collects else _MOST_CONNECTIONS,
                ssl_certfile=None if tls is None else tls.certificate,
                ssl_keyfile=None if tls is None else tls.key,
            )
        )
        self._app = app
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.state.close_streams()  # before uvicorn waits for the streams to end
        await super().shutdown(sockets)
