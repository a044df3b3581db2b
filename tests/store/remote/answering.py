"""A server that answers whatever a test wants, byte for byte."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rolltape.store.remote.wire import CONTENT_TYPE

Reply = bytes | Callable[[bytes], bytes]


def reply(body: bytes, status: str = "200 OK", kind: str = CONTENT_TYPE, **headers: str) -> bytes:
    """A whole answer; its length may be told otherwise."""
    told = {"content-type": kind, "content-length": str(len(body)), "connection": "close"}
    told |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    return f"HTTP/1.1 {status}\r\n{lines}\r\n".encode() + body


SESSION = reply(json.dumps({"writable": False, "store": "/x", "rolltape": "0.0.7"}).encode(), kind="application/json")


@contextmanager
def answering(*replies: Reply) -> Iterator[tuple[str, list[bytes]]]:
    """Its address, and the heads of the requests that came. After the session these replies, the last one for ever;
    an empty one closes the connection."""
    asked: list[bytes] = []
    bound = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = bound.accept()
            except OSError:
                return
            with connection:
                head = b""
                while b"\r\n\r\n" not in head:
                    piece = connection.recv(1 << 16)
                    if not piece:
                        break
                    head += piece
                asked.append(head)
                if head.startswith(b"GET /api/session"):
                    connection.sendall(SESSION)
                    continue
                number = sum(not one.startswith(b"GET /api/session") for one in asked) - 1
                answer = replies[min(number, len(replies) - 1)]
                connection.sendall(answer(head) if callable(answer) else answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{bound.getsockname()[1]}", asked
    finally:
        bound.shutdown(socket.SHUT_RDWR)
        bound.close()
        thread.join(10)
