"""Scopes: what they allow, and what is none."""

from __future__ import annotations

import pytest

from rolltape.server.access.scopes import NOTHING, needed, parse_scopes, scopes_of


def test_what_they_allow() -> None:
    both = parse_scopes(["write:a", "read:cart pole", "read:a"])
    assert both.may_write("a")
    assert not both.may_write("cart pole")
    assert not both.may_write("A")
    assert not both.may_write("*")
    assert both.seen() == {"a", "cart%20pole"}
    assert both.allow("read")
    assert both.allow("write")
    assert not both.allow("admin")
    assert parse_scopes(["write:*"]).may_write("anything")
    assert not parse_scopes(["write:*"]).allow("read")
    assert not parse_scopes(["read:*"]).may_write("a")
    assert parse_scopes(["read:a", "read:*"]).seen() is None
    admin = parse_scopes(["admin", "read:a"])
    assert admin.may_write("x")
    assert admin.seen() is None
    assert admin.allow("admin")


def test_projects_that_climb_stay_names() -> None:
    seen = parse_scopes(["read:..", "read:../x", "read:.trash", "read:a/b"]).seen()
    assert seen is not None
    assert not any("/" in name or name.startswith(".") for name in seen)
    assert len(seen) == 4


@pytest.mark.parametrize(
    "text", ["", "Admin", "admin:a", "write", "write:", "read:", ":a", "delete:a", "read:" + "a" * 1001]
)
def test_no_scopes(text: str) -> None:
    with pytest.raises(ValueError, match="is no scope"):
        parse_scopes(["admin", text])


@pytest.mark.parametrize(
    ("method", "path", "need"),
    [
        ("GET", "/api/runs", "read"),
        ("HEAD", "/", "read"),
        ("POST", "/api/ship", "write"),
        ("POST", "/api/ship/", "admin"),
        ("PUT", "/api/ship", "admin"),
        ("POST", "/api/notes", "admin"),
        ("OPTIONS", "/api/runs", "admin"),
        ("GET", "/api/ship", "read"),
    ],
)
def test_what_is_needed(method: str, path: str, need: str) -> None:
    assert needed(method, path) == need


def test_a_request_that_nobody_judged_may_nothing() -> None:
    assert scopes_of({}) is NOTHING
    assert not NOTHING.may_write("a")
    assert NOTHING.seen() == frozenset()
