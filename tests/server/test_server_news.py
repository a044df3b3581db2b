"""The stream of pokes: prompt, coalesced, and no obstacle to ending the server."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

import rolltape
from rolltape.server import Served, news, serve_in_background
from rolltape.server.looks import Looks
from rolltape.server.news import News


class Stream:
    """Reads /api/events in a thread: all messages with the time they came."""

    def __init__(self, url: str) -> None:
        self.messages: list[tuple[float, dict[str, Any]]] = []
        self.lines: list[str] = []
        self.headers: httpx.Headers | None = None
        self.opened = threading.Event()
        self._came = threading.Condition()
        self.thread = threading.Thread(target=self._read, args=(url,))
        self.thread.start()
        assert self.opened.wait(5)

    def _read(self, url: str) -> None:
        with (
            httpx.Client(base_url=url, trust_env=False, timeout=httpx.Timeout(5, read=40)) as client,
            client.stream("GET", "/api/events") as answer,
        ):
            self.headers = answer.headers
            event = ""
            for line in answer.iter_lines():
                self.lines.append(line)
                self.opened.set()
                if line.startswith("event: "):
                    event = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    assert event == "news"
                    with self._came:
                        self.messages.append((time.monotonic(), json.loads(line.removeprefix("data: "))))
                        self._came.notify_all()

    def wait_for(self, key: str, since: float, timeout: float = 5) -> float:
        """Seconds from ``since`` to the first message after it that names a run."""

        def found() -> float | None:
            return next((when - since for when, m in self.messages if when >= since and key in m["runs"]), None)

        with self._came:
            assert self._came.wait_for(lambda: found() is not None, timeout), f"no news of {key}: {self.messages}"
        took = found()
        assert took is not None
        return took


@contextmanager
def listening(served: Served) -> Iterator[Stream]:
    """A stream; the server is closed in the end, which ends it."""
    stream = Stream(served.url)
    try:
        yield stream
    finally:
        served.close()
        stream.thread.join(5)
        assert not stream.thread.is_alive()


def test_rows_runs_and_their_end_are_news(served: Served, tapes: Path, live: Callable[[str], Any]) -> None:
    run = live("r")
    with listening(served) as stream:
        time.sleep(0.5)
        for value in (0.1, 0.2):
            since = time.monotonic()
            run.log(value)
            assert stream.wait_for(run.key, since) < 2
            time.sleep(0.6)
        since = time.monotonic()
        other = live("new")
        assert stream.wait_for(other.key, since) < 3
        since = time.monotonic()
        other.kill()
        assert stream.wait_for(other.key, since) < 2
        since = time.monotonic()
        shutil.rmtree(tapes / "live" / "new")
        assert stream.wait_for(other.key, since) < 2
        told = len(stream.messages)
        time.sleep(1)
        assert len(stream.messages) == told, "what is gone is told once"
        versions = [message["version"] for _, message in stream.messages]
        assert versions == sorted(versions)
        assert not any("cart%20pole/s1" in message["runs"] for _, message in stream.messages)
    assert stream.headers is not None
    assert stream.headers["content-type"].startswith("text/event-stream")
    assert stream.headers["cache-control"] == "no-store"
    assert stream.headers["x-accel-buffering"] == "no"


def test_at_most_four_a_second(served: Served, live: Callable[[str], Any]) -> None:
    run = live("r")
    with listening(served) as stream:
        time.sleep(0.5)
        before = len(stream.messages)
        end = time.monotonic() + 2
        while time.monotonic() < end:
            run.log(0.5)
        assert 3 <= len(stream.messages) - before <= 9
        gaps = [b[0] - a[0] for a, b in zip(stream.messages, stream.messages[1:], strict=False)]
        assert min(gaps) > 0.15


def test_what_changed_between_fetching_and_listening_is_told(
    served: Served, client: httpx.Client, live: Callable[[str], Any]
) -> None:
    run = live("r")
    since = time.monotonic()
    client.get("/api/runs")
    run.log(0.5)
    client.get("/api/runs")  # as another page does, whose look must not hide the change from this one
    with listening(served) as stream:
        assert stream.wait_for(run.key, since) < 2


def test_a_comment_where_there_is_no_news(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(news, "COMMENT", 0.2)
    with listening(served) as stream:
        time.sleep(1)
        assert ": nothing new" in stream.lines


def test_nobody_looks_when_nobody_listens(tapes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0
    look_at_all = Looks.look_at_all

    def counted(self: Looks) -> Any:
        nonlocal looks
        looks += 1
        return look_at_all(self)

    monkeypatch.setattr(Looks, "look_at_all", counted)
    with serve_in_background(tapes, 0) as served:
        time.sleep(0.6)
        assert looks == 0
        with (
            httpx.Client(base_url=served.url, trust_env=False) as client,
            client.stream("GET", "/api/events") as answer,
        ):
            lines = answer.iter_lines()
            next(lines)
            time.sleep(0.8)
            assert looks >= 2
        time.sleep(1)
        before = looks
        time.sleep(0.6)
        assert looks == before


def test_a_slow_client_gets_the_union(tapes: Path) -> None:
    """The stream itself, as no socket can be made slow reliably."""

    async def listen() -> None:
        stream = News(Looks(rolltape.open(tapes)))
        events = stream.stream()
        await anext(events)
        await asyncio.sleep(0.5)  # it does not read
        for id in ("a", "b", "c"):
            await asyncio.to_thread(lambda id=id: rolltape.init(project="new", id=id, dir=tapes).close())
            await asyncio.sleep(0.4)
        message = (await anext(events)).decode()
        assert message.startswith("event: news\ndata: {")
        assert message.endswith("}\n\n")
        assert json.loads(message.split("data: ")[1])["runs"] == ["new/a", "new/b", "new/c"]
        await stream.aclose()
        assert [event async for event in events] == []
        assert stream.listeners == 0

    asyncio.run(listen())


def test_closing_with_open_streams_is_quick(tapes: Path) -> None:
    served = serve_in_background(tapes, 0)
    streams = [Stream(served.url) for _ in range(3)]
    address = urlsplit(served.url)
    assert address.hostname and address.port
    with socket.create_connection((address.hostname, address.port)) as stuck:  # opens a stream and never reads
        stuck.sendall(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        time.sleep(0.4)
        began = time.monotonic()
        served.close()
        assert time.monotonic() - began < 2
    for stream in streams:
        stream.thread.join(2)
        assert not stream.thread.is_alive()
    served.close()


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_with_an_open_stream_is_quick_and_silent(tapes: Path) -> None:
    import signal

    code = (
        "import sys; from rolltape.server import serve; "
        "serve(sys.argv[1], port=0, on_ready=lambda url: print(url, flush=True)); print('returned')"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tapes)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        stream = Stream(url)
        time.sleep(0.5)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)
        assert time.monotonic() - began < 4
        assert (out, err, process.returncode) == ("returned\n", "", 0)
    stream.thread.join(2)
    assert not stream.thread.is_alive()
