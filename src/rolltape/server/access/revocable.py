"""A stream that ends when the token that opened it does not hold any more."""

from __future__ import annotations

from collections.abc import Callable

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOK = 1.0  # s from one look at the tokens to the next


def while_it_holds(app: ASGIApp, holds: Callable[[], bool]) -> ASGIApp:
    """``app``, whose answer ends early, but as an answer should, once ``holds`` says no."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        started = ended = False

        async def noting(message: Message) -> None:
            nonlocal started, ended
            if message["type"] == "http.response.start":
                started = True
            elif message["type"] == "http.response.body" and not message.get("more_body", False):
                ended = True
            await send(message)

        async with anyio.create_task_group() as group:

            async def watch() -> None:
                while holds():
                    await anyio.sleep(LOOK)
                group.cancel_scope.cancel()

            group.start_soon(watch)
            await app(scope, receive, noting)
            group.cancel_scope.cancel()
        if started and not ended:
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    return answer
