"""`rolltape token`: the token alone on stdout, once, and the file behind it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from rolltape.cli import main
from rolltape.server.access.token_file import hash_of, read_tokens


@pytest.fixture
def file(tmp_path: Path) -> str:
    return str(tmp_path / "T")


def test_make_ls_revoke(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["token", "make", "--file", file, "--scope", "write:a", "--scope", "read:b", "--name", "node\x1b1"]) == 0
    )
    out, err = capsys.readouterr()
    token = out.strip()
    assert re.fullmatch(r"rtk_[A-Za-z0-9_-]{32}\n", out)
    assert token not in err
    (kept,) = read_tokens(Path(file))
    assert kept.sha256 == hash_of(token)
    assert kept.id in err
    assert main(["token", "make", "--file", file, "--scope", "admin", "--days", "0.5", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["token"].startswith("rtk_")
    assert made["expires"] - made["made"] == pytest.approx(43200)
    assert "sha256" not in made
    assert main(["token", "ls", "--file", file]) == 0
    out = capsys.readouterr().out
    rows = [line.split("\t") for line in out.splitlines()]
    assert rows[0] == ["id", "name", "scopes", "made", "expires", "status"]
    assert rows[1][:3] == [kept.id, "node\\x1b1", "write:a read:b"]
    assert rows[1][4:] == ["", "valid"]
    assert main(["token", "ls", "--file", file, "--json"]) == 0
    listed = capsys.readouterr().out
    assert [one["id"] for one in json.loads(listed)] == [kept.id, made["id"]]
    for text in (token, made["token"], kept.sha256):
        assert text not in out + listed
    assert main(["token", "revoke", "--file", file, kept.id, "nope"]) == 2
    assert "no token 'nope'" in capsys.readouterr().err
    assert len(read_tokens(Path(file))) == 2
    assert main(["token", "revoke", "--file", file, kept.id, kept.id]) == 0
    assert capsys.readouterr().out == f"revoked {kept.id} (node\\x1b1)\n"
    assert [one.id for one in read_tokens(Path(file))] == [made["id"]]


def test_a_table_for_people(file: str, terminal: Callable[..., str], capsys: pytest.CaptureFixture[str]) -> None:
    assert "There are no tokens" not in terminal("token", "make", "--file", file, "--scope", "read:a")
    assert "read:a" in terminal("token", "ls", "--file", file)
    assert "valid" in terminal("token", "ls", "--file", file)


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["make"], "scope is missing"),
        (["make", "--scope", "everything"], "'everything' is no scope"),
        (["make", "--scope", "admin", "--days", "-1"], "days"),
        (["make", "--scope", "admin", "--days", "nan"], "days"),
        (["ls"], "cannot be read"),
        (["revoke", "x"], "cannot be read"),
    ],
)
def test_what_is_wrong_is_told(file: str, capsys: pytest.CaptureFixture[str], argv: list[str], told: str) -> None:
    assert main(["token", argv[0], "--file", file, *argv[1:]]) == 2
    out, err = capsys.readouterr()
    assert told in err
    assert not out
    assert not Path(file).exists()


def test_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["token"]) == 2
    assert main(["token", "make", "--scope", "admin"]) == 2
    assert "--file" in capsys.readouterr().err
