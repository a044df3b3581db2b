"""The file of the tokens: whole, private, and clear about what is wrong with it."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from rolltape.errors import StoreError
from rolltape.server.access.token_file import changing, hash_of, make_token, read_tokens
from rolltape.server.access.watched_tokens import WatchedTokens


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory in which there is nothing else."""
    (tmp_path / "place").mkdir()
    return tmp_path / "place"


GOOD: dict[str, Any] = {
    "id": "a1",
    "sha256": "0" * 64,
    "scopes": ["read:a"],
    "name": "",
    "made": 1.0,
    "expires": None,
}


def add(path: Path, *scopes: str, days: float | None = None) -> str:
    with changing(path) as tokens:
        return make_token(tokens, list(scopes), days=days)[0]


def test_what_is_made_is_read(place: Path) -> None:
    path = place / "T"
    text = add(path, "write:a", "write:a", "read:*", days=1)
    add(path, "admin")
    assert text.startswith("rtk_")
    assert len(text) == 36
    assert path.stat().st_mode & 0o777 == 0o600
    assert text not in path.read_text()
    assert text[4:] not in path.read_text()
    said = json.loads(path.read_text())
    assert said["format"] == 1
    assert list(said["tokens"][0]) == ["id", "sha256", "scopes", "name", "made", "expires"]
    first, second = read_tokens(path)
    assert first.sha256 == hash_of(text)
    assert first.scopes == ("write:a", "read:*")
    assert first.expires is not None
    assert first.expires == pytest.approx(time.time() + 86400, abs=60)
    assert not first.has_expired(first.expires - 0.1)
    assert first.has_expired(first.expires)
    assert second.expires is None
    assert not second.has_expired(1e12)
    assert sorted(p.name for p in place.iterdir()) == ["T"]


@pytest.mark.parametrize(
    ("scopes", "name", "days", "told"),
    [
        ([], "", None, "scope is missing"),
        (["root"], "", None, "scope: 'root' is no scope"),
        (["admin"], "x" * 201, None, "name"),
        (["admin"], "", 0.0, "days"),
        (["admin"], "", -1.0, "days"),
        (["admin"], "", float("nan"), "days"),
        (["admin"], "", float("inf"), "days"),
    ],
)
def test_what_cannot_be_made(place: Path, scopes: list[str], name: str, days: float | None, told: str) -> None:
    with pytest.raises(StoreError, match=told), changing(place / "T") as tokens:
        make_token(tokens, scopes, name, days)
    assert not list(place.iterdir()), "nothing is left"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "is not JSON"),
        ("\xff", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "must hold a JSON object"),
        ("{}", "format must be 1"),
        ('{"format": true, "tokens": []}', "format must be 1"),
        ('{"format": 2, "tokens": []}', "format must be 1, not 2"),
        ('{"format": 1}', "tokens must be a list"),
        ('{"format": 1, "tokens": [1]}', r"tokens\[0\] must be an object"),
    ],
)
def test_another_file(place: Path, content: str, told: str) -> None:
    path = place / "T"
    path.write_bytes(content.encode("latin-1"))
    path.chmod(0o600)
    with pytest.raises(StoreError, match=told) as error:
        read_tokens(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", ""),
        ("id", "a b"),
        ("id", 1),
        ("sha256", "0" * 63),
        ("sha256", "A" * 64),
        ("sha256", None),
        ("scopes", []),
        ("scopes", "admin"),
        ("scopes", [1]),
        ("scopes", ["root"]),
        ("name", None),
        ("name", "x" * 201),
        ("made", "now"),
        ("made", True),
        ("made", float("nan")),
        ("expires", "never"),
        ("expires", -1),
    ],
)
def test_a_wrong_field_is_named(place: Path, field: str, value: Any) -> None:
    path = place / "T"
    path.write_text(
        json.dumps({"format": 1, "tokens": [{**GOOD, "id": "b", "sha256": "1" * 64}, {**GOOD, field: value}]})
    )
    path.chmod(0o600)
    with pytest.raises(StoreError, match=rf"T: tokens\[1\]\.{field}"):
        read_tokens(path)


def test_missing_double_and_unknown_fields(place: Path) -> None:
    path = place / "T"
    for entries, told in [
        ([GOOD, {**GOOD, "sha256": "1" * 64}], r"tokens\[1\]\.id is that of another"),
        ([GOOD, {**GOOD, "id": "b"}], r"tokens\[1\]\.sha256 is that of another"),
        ([{**GOOD, "token": "x"}], r"tokens\[0\] holds 'token'"),
        ([{name: value for name, value in GOOD.items() if name != "expires"}], "expires"),
    ]:
        path.write_text(json.dumps({"format": 1, "tokens": entries}))
        path.chmod(0o600)
        with pytest.raises(StoreError, match=told):
            read_tokens(path)


def test_a_file_that_others_may_change_is_not_trusted(place: Path) -> None:
    path = place / "T"
    add(path, "admin")
    for mode in (0o620, 0o602):
        path.chmod(mode)
        with pytest.raises(StoreError, match="chmod 600"):
            read_tokens(path)
    path.chmod(0o644)  # as a mounted secret has it
    assert len(read_tokens(path)) == 1
    with pytest.raises(StoreError, match="cannot be read"):
        read_tokens(place / "missing")
    with pytest.raises(StoreError, match="Is a directory"):
        read_tokens(place)
    with pytest.raises(StoreError, match="there is no directory"), changing(place / "no" / "T"):
        pass


def test_a_failed_change_leaves_what_was_there(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = place / "T"
    add(path, "admin")
    before = path.read_bytes()

    def fail(_: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        add(path, "admin")
    assert path.read_bytes() == before
    assert [p.name for p in place.iterdir()] == ["T"]


def test_a_link_is_followed(place: Path) -> None:
    (place / "real").mkdir()
    (place / "T").symlink_to(place / "real" / "T")
    add(place / "T", "admin")
    add(place / "T", "admin")
    assert (place / "T").is_symlink()
    assert len(read_tokens(place / "real" / "T")) == 2


def test_no_change_is_lost_where_several_make_tokens(place: Path) -> None:
    ready = threading.Barrier(4)

    def add_some() -> None:
        ready.wait()
        for _ in range(8):
            add(place / "T", "admin")

    workers = [threading.Thread(target=add_some) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert len(read_tokens(place / "T")) == 32


def test_watching(place: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = place / "T"
    with pytest.raises(StoreError, match="cannot be read"):
        WatchedTokens(path)
    first = add(path, "read:a")
    watched = WatchedTokens(path)
    known = watched.by_text(first)
    assert known is not None
    assert watched.by_id(known.stored.id) == known
    assert watched.holds(known)
    assert watched.by_text(first + "x") is None
    assert watched.by_text(known.stored.sha256) is None, "the hash lets nobody in"
    assert watched.by_text("\ud800") is None
    second = add(path, "admin")
    assert watched.by_text(second) is not None
    assert watched.holds(known)
    with changing(path) as tokens:
        del tokens[0]
    assert watched.by_text(first) is None
    assert not watched.holds(known)
    good = path.read_bytes()
    path.write_bytes(good[:-5])
    assert watched.by_text(second) is None
    assert watched.problem is not None
    assert caplog.text.count("nobody is let in") == 1
    path.write_bytes(good)
    assert watched.by_text(second) is not None
    assert watched.problem is None
    path.unlink()
    assert watched.by_text(second) is None
    assert first not in caplog.text
    assert second not in caplog.text


def test_other_scopes_are_another_token(place: Path) -> None:
    path = place / "T"
    text = add(path, "admin")
    watched = WatchedTokens(path)
    known = watched.by_text(text)
    assert known is not None
    said = json.loads(path.read_text())
    said["tokens"][0]["scopes"] = ["read:a"]
    path.write_text(json.dumps(said))
    assert not watched.holds(known)


def test_an_expired_one_does_not_hold(place: Path) -> None:
    path = place / "T"
    text = add(path, "admin", days=0.5 / 86400)
    watched = WatchedTokens(path)
    known = watched.by_text(text)
    assert known is not None
    assert watched.holds(known)
    time.sleep(0.6)
    assert not watched.holds(known)
