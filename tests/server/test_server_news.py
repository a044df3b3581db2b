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
from rolltape.store import listing, run_directories
from rolltape.store.run_files import RunFiles


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


# Looks


class Looker:
    """Looks at a store, whose directories all changed long enough ago, and tells what was new."""

    def __init__(self, root: Path) -> None:
        self.store = rolltape.open(root)
        self.looks = Looks(self.store)

    def news(self) -> set[str]:
        version = self.looks.version
        self.looks.look_at_all()
        return self.looks.changed_since(version)[0]


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_directories, "_SETTLED", 0)
    monkeypatch.setattr(listing, "_WORTH", 0)


@pytest.fixture
def every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every look is one at all directories."""
    monkeypatch.setattr(listing, "_ALL", 0)
    monkeypatch.setattr(listing, "_SHARE", 0)


def record(root: Path, id: str, project: str = "other", values: int = 1) -> None:
    with rolltape.init(project=project, id=id, dir=root) as run:
        for i in range(values):
            run.log({"speed": float(i)})


def test_runs_that_nobody_writes_are_not_opened(tapes: Path, settled: None) -> None:
    Looker(tapes).news()
    looker = Looker(tapes)
    opened: list[str] = []
    look = looker.store._listing._look
    looker.store._listing._look = lambda directory: opened.append(directory.name) or look(directory)  # type: ignore[func-returns-value]
    for _ in range(3):
        assert looker.news() == set()
        looker.looks.look_at([info.key for info in looker.store.runs()])
    assert opened == []
    assert looker.store._followed._files == {}


@pytest.mark.parametrize("mode", ["all", "open"])
def test_what_comes_goes_and_is_replaced_is_noticed(
    tapes: Path, settled: None, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "_ALL", 0 if mode == "all" else 1e9)
    monkeypatch.setattr(listing, "_SHARE", 0)
    looker = Looker(tapes)
    assert looker.news() == set(), "there is nothing to be newer than"
    record(tapes, "new")
    assert looker.news() == {"other/new"}
    assert looker.news() == set()
    shutil.rmtree(tapes / "other" / "o")
    assert looker.news() == {"other/o"}
    assert looker.news() == set()
    record(tapes, "o")
    assert looker.news() == {"other/o"}
    if mode == "all":
        record(tapes, "o")
        assert looker.news() == {"other/o"}, "it was resumed, and has ended"
        shutil.rmtree(tapes / "other" / "o")
        record(tapes, "o", values=1)
        assert looker.news() == {"other/o"}, "another run lies in its place"
    shutil.rmtree(tapes / "other")
    assert looker.news() == {"other/o", "other/new"}


def test_every_step_of_a_run_is_noticed_once(
    tapes: Path, settled: None, every_time: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    looker = Looker(tapes)
    looker.news()
    run = rolltape.init(project="other", id="o", dir=tapes)
    assert looker.news() == {"other/o"}
    for thread in threading.enumerate():
        if thread.name == "rolltape-facts":  # it adds what takes longer to find out
            thread.join()
    looker.news()
    for value in (1.0, 2.0):
        run.log({"speed": value})
        before = looker.looks.look_at(["other/o"])
        assert looker.news() == set(), "that look has noticed it"
        assert looker.looks.look_at(["other/o"]) == before
        assert "other/o" in looker.looks.changed_within(5)
    run.close()
    before = looker.looks.look_at(["other/o"])
    for _ in range(2):
        assert looker.news() == set(), "that look has noticed it"
        assert looker.looks.look_at(["other/o"]) == before

    refreshed: list[str] = []
    monkeypatch.setattr(RunFiles, "refresh", lambda files: refreshed.append(files.key))
    assert looker.news() == set()
    assert looker.looks.look_at(["other/o"]) == before
    assert refreshed == [], "nobody writes it any more"


def test_an_index_is_no_news_and_a_note_is(tapes: Path, settled: None, every_time: None) -> None:
    looker = Looker(tapes)
    looker.news()
    before = looker.looks.look_at(["other/o"])
    (tapes / "other" / "o" / "x.index").write_bytes(b"x")
    assert looker.looks.look_at(["other/o"]) == before
    assert looker.news() == set()
    (tapes / "other" / "o" / "notes.json").write_text('{"note": "good"}')
    assert looker.news() == {"other/o"}
    assert looker.looks.look_at(["other/o"]) != before


def test_a_run_that_settles_is_no_news(tapes: Path, monkeypatch: pytest.MonkeyPatch, every_time: None) -> None:
    """Until its directory's times can be trusted it is opened each time, then no more."""
    looker = Looker(tapes)
    looker.news()
    before = looker.looks.look_at(["other/o"])
    assert looker.news() == set()
    monkeypatch.setattr(run_directories, "_SETTLED", 0)
    assert looker.news() == set()
    assert looker.looks.look_at(["other/o"]) == before
    record(tapes, "o")
    assert looker.news() == {"other/o"}


def test_the_first_look_at_all_does_not_hide_what_a_page_has_not_seen(tapes: Path, settled: None) -> None:
    run = rolltape.init(project="other", id="live", dir=tapes)
    looker = Looker(tapes)
    looker.looks.look_at(["other/live"])
    run.log({"speed": 1.0})
    assert "other/live" in looker.news()


def test_a_strange_run_hides_no_other(tapes: Path, settled: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise TypeError("strange")

    looker = Looker(tapes)
    looker.news()
    monkeypatch.setattr("rolltape.store.followed_runs.look_at_ended", refuse)
    monkeypatch.setattr("rolltape.store.run_files.describe", refuse)
    record(tapes, "new")
    assert looker.news() == {"other/new"}
    (told,) = [info for info in looker.store.runs() if info.id == "new"]
    assert "strange" in (told.error or "")
    assert len(looker.store.runs()) == 4


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_with_an_open_stream_is_quick_and_silent(tapes: Path) -> None:
    import signal

    code = (
        "import sys; from rolltape.server import serve; "
        "serve(sys.argv[1], port=0, on_ready=lambda urls: print(urls[0], flush=True)); print('returned')"
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
