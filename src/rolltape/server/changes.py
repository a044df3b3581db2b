"""What may be changed from a page that is served writable: notes, tags, and which runs are in the trash.

Nothing that was recorded is changed. A request has a small JSON object as its body, of which every field is checked.
"""

from __future__ import annotations

import json
import threading
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import anyio
from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from rolltape.errors import StoreError
from rolltape.server.answers import runs
from rolltape.server.odd_names import meant
from rolltape.server.query import MOST_RUNS, Refused, params_of, shown
from rolltape.server.replies import json_reply
from rolltape.server.sources import Sources
from rolltape.store.notes import change_notes
from rolltape.store.trash import check_inside, move_to_trash

LARGEST_BODY = 64 << 10  # bytes
LONGEST_TAG = 100  # characters
LONGEST_NOTE = 20_000  # characters
MOST_TAGS = 100  # in one request
_SLOWEST = 15.0  # s for a body to arrive
_READ_ONLY = "the page was started read-only: start it with rolltape ui --writable to change anything"


@dataclass(frozen=True, slots=True)
class NotesChange:
    """What a request wants of the notes of some runs; ``note`` None: as it is."""

    runs: list[str]
    add: list[str]
    remove: list[str]
    note: str | None


class Changes:
    """The routes that change something. One change at a time."""

    def __init__(self, sources: Sources, *, writable: bool) -> None:
        self._sources = sources
        self._writable = writable
        self._one = CapacityLimiter(1)
        self._lock = threading.Lock()  # a request that was given up may still be at work

    async def notes(self, request: Request) -> Response:
        """POST /api/notes"""
        return await self._change(request, notes_change, self._write_notes)

    async def delete(self, request: Request) -> Response:
        """POST /api/delete"""
        return await self._change(request, runs_to_delete, self._move)

    async def _change(
        self, request: Request, understand: Callable[[dict[str, Any]], Any], change: Callable[[Any], dict[str, Any]]
    ) -> Response:
        if not self._writable:
            raise Refused(_READ_ONLY, 403)
        if params_of(request):
            raise Refused(f"{shown(next(iter(request.query_params)))} is no parameter: what to change is in the body")
        wanted = understand(await body_of(request))

        def do() -> dict[str, Any]:
            with self._lock:
                return change(wanted)

        return json_reply(await run_sync(do, limiter=self._one))

    def _write_notes(self, wanted: NotesChange) -> dict[str, Any]:
        store = self._sources.store
        chosen = runs.choose(store, wanted.runs)
        for files in chosen:
            try:
                check_inside(store.root, files.key)
            except StoreError as error:
                raise Refused(f"run {shown(files.key)}: its notes cannot be written: {error}", 409) from error
        for files in chosen:
            tags = runs.tell_run(files)["tags"]
            try:
                change_notes(files.directory, tags, wanted.add, wanted.remove, wanted.note)
            except (StoreError, OSError) as error:
                raise Refused(f"run {shown(files.key)}: its notes cannot be written: {error}", 409) from error
        self._sources.looks.look(chosen)
        told = [{name: run[name] for name in ("key", "tags", "note")} for run in map(runs.tell_run, chosen)]
        return {"version": self._sources.looks.version, "runs": told}

    def _move(self, keys: list[str]) -> dict[str, Any]:
        store = self._sources.store
        for files in runs.choose(store, keys):
            if runs.tell_run(files)["status"] == "running":
                raise Refused(f"run {shown(files.key)} is running: end it before it is deleted", 409)
        moved: dict[str, str] = {}
        try:
            for key in keys:
                check_inside(store.root, key)
            for key in keys:
                moved[key] = str(move_to_trash(store.root, key))
        except (StoreError, OSError) as error:
            before = f" (moved before that: {', '.join(moved)})" if moved else ""
            raise Refused(f"run {shown(key)} cannot be moved: {error}{before}", 409) from error
        self._sources.looks.look_at_all()
        return {"version": self._sources.looks.version, "moved": moved}


async def body_of(request: Request, largest: int = LARGEST_BODY) -> dict[str, Any]:
    """The JSON object that a request brings, of at most ``largest`` bytes. Raises Refused."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refused("Content-Type must be application/json", 415)
    body = bytearray()
    try:
        with anyio.fail_after(_SLOWEST):
            async for part in request.stream():
                body += part
                if len(body) > largest:
                    raise Refused(f"the body must not be longer than {largest} bytes", 413)
    except TimeoutError:
        raise Refused(f"the body did not arrive within {_SLOWEST:g} s", 408) from None
    except ClientDisconnect:
        raise Refused("the body did not arrive") from None
    try:
        said = json.loads(body.decode("utf-8"), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise Refused(f"the body is not JSON: {error}") from None
    if not isinstance(said, dict):
        raise Refused("the body must be a JSON object")
    return said


def notes_change(body: dict[str, Any]) -> NotesChange:
    """What the body of POST /api/notes asks for. Raises Refused."""
    _only(body, ("runs", "add", "remove", "note"))
    add, remove = _tags(body, "add"), _tags(body, "remove")
    both = [tag for tag in add if tag in remove]
    if both:
        raise Refused(f"the tag {shown(both[0])} cannot be both in add and in remove")
    note = body.get("note")
    if "note" in body and (not isinstance(note, str) or len(note) > LONGEST_NOTE or not _is_text(note, "\n\t")):
        raise Refused(f"note must be text of at most {LONGEST_NOTE} characters, without control characters")
    if not add and not remove and note is None:
        raise Refused("there is nothing to change: give add, remove or note")
    return NotesChange(_runs(body), add, remove, note)


def runs_to_delete(body: dict[str, Any]) -> list[str]:
    """The runs that the body of POST /api/delete names. Raises Refused."""
    _only(body, ("runs",))
    return _runs(body)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name comes twice")
    return found


def _only(body: dict[str, Any], names: tuple[str, ...]) -> None:
    for name in body:
        if name not in names:
            raise Refused(f"the body holds {shown(name)}; it may hold {', '.join(names)}")


def _runs(body: dict[str, Any]) -> list[str]:
    keys = body.get("runs")
    if not isinstance(keys, list) or not 1 <= len(keys) <= MOST_RUNS or not all(isinstance(key, str) for key in keys):
        raise Refused(f"runs must be a list of 1 to {MOST_RUNS} keys of runs")
    return list(dict.fromkeys(map(meant, keys)))


def _tags(body: dict[str, Any], name: str) -> list[str]:
    tags = body.get(name, [])
    if not isinstance(tags, list) or len(tags) > MOST_TAGS or not all(map(_is_tag, tags)):
        raise Refused(
            f"{name} must be a list of at most {MOST_TAGS} tags, each a text of 1 to {LONGEST_TAG} characters "
            "without control characters and without space around it"
        )
    return list(dict.fromkeys(tags))


def _is_tag(tag: Any) -> bool:
    return isinstance(tag, str) and 1 <= len(tag) <= LONGEST_TAG and tag == tag.strip() and _is_text(tag)


def _is_text(text: str, allowed: str = "") -> bool:
    """Whether there are no control characters and no half characters in it, besides those that are allowed."""
    return not any(unicodedata.category(c) in ("Cc", "Cs") for c in text if c not in allowed)
