"""`rolltape ship`: what it is told, and what it tells."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import rolltape
from rolltape.cli import main
from rolltape.server import serve_in_background
from rolltape.server.collecting.options import Collecting
from rolltape.store import DirectoryStore


@pytest.fixture
def here(tmp_path: Path) -> Path:
    with rolltape.init(project="p", id="r", dir=tmp_path / "here") as run:
        for step in range(100):
            run.log({"loss": step / 3})
    return tmp_path / "here"


@pytest.fixture(autouse=True)
def no_nice(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process is to stay as it is."""
    monkeypatch.setattr("os.nice", lambda _: 0)


def test_it_tells_what_was_delivered(here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serve_in_background(tmp_path / "there", 0, collecting=Collecting()) as served:
        assert main(["ship", str(here), served.url]) == 0
        assert capsys.readouterr().out.startswith("1 run, 1 tape, ")
        assert main(["ship", str(here), served.url, "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
    assert (told["runs"], told["tapes"], told["waiting"], told["refused"]) == (1, 1, 0, [])
    assert DirectoryStore(tmp_path / "there").points("r", "loss").value.tolist() == [step / 3 for step in range(100)]


def test_directory_and_address_come_from_the_environment(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROLLTAPE_DIR", str(here))
    with serve_in_background(tmp_path / "there", 0, collecting=Collecting()) as served:
        monkeypatch.setenv("ROLLTAPE_SHIP", served.url)
        assert main(["ship"]) == 0
    assert [run.id for run in DirectoryStore(tmp_path / "there").runs()] == ["r"]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["HERE"], "where to?"),
        (["HERE", "ftp://x"], "must be http://HOST or https://HOST"),
        (["HERE/none", "http://127.0.0.1:1"], "there is no directory"),
        (["HERE", "https://x?token=t"], "must hold no token"),
        (["HERE", "http://127.0.0.1:1", "--token-file", "HERE/none"], "cannot read the token"),
        (["HERE", "https://127.0.0.1:1", "--ca", "HERE/none"], "cannot use the certificate authority"),
        (["HERE", "HERE", "clickhouse://h/d"], "give one directory"),
    ],
)
def test_wrong_usage_is_one_sentence(
    here: Path, arguments: list[str], why: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ROLLTAPE_SHIP", raising=False)
    assert main(["ship", *(text.replace("HERE", str(here)) for text in arguments)]) == 2
    told = capsys.readouterr().err
    assert why in told and told.count("\n") == 1


def test_a_server_that_only_shows_runs_says_so(here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serve_in_background(tmp_path / "there", 0) as served:
        assert main(["ship", str(here), served.url]) == 2
    assert "rolltape serve" in capsys.readouterr().err


def test_a_token_in_the_clear_is_warned_of(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from rolltape.cli import make_parser
    from rolltape.cli.ship import _shipper

    monkeypatch.setenv("ROLLTAPE_TOKEN", "rtk_secret")
    for url, warned in (
        ("http://tapes.example.org", True),
        ("http://127.0.0.1:1", False),
        ("https://x.example.org", False),
    ):
        args = make_parser().parse_args(["ship", str(here), url])
        _shipper(args, [here], url)
        told = capsys.readouterr().err
        assert ("in the clear" in told) is warned and "rtk_secret" not in told
