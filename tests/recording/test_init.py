"""Names, configs and identities; what `init` refuses."""

from __future__ import annotations

import argparse
import dataclasses
import json
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rolltape
from rolltape.errors import RecordingError
from rolltape.recording.environment import git_commit, git_dirty
from rolltape.recording.init import _write_once
from rolltape.recording.names import directory_name

NAMES = [
    "plain",
    "with spaces",
    "a/b/c",
    "../../etc/passwd",
    "..",
    ".",
    "/absolute",
    "~root",
    ".hidden",
    "dots.in.it",
    "trailing.",
    "back\\slash",
    "C:\\x",
    "nul",
    "COM1.txt",
    "\u00e4\u00f6 \u4f60\u597d \U0001f600",
    "\ud800 lone surrogate",
    "line\nbreak\ttab\x00nul",
    "-rf",
    "%2e%2e",
    "*?<>|:\"'",
    "x" * 300,
    "\u4f60" * 300,
    "<script>alert(1)</script>",
    "[bold]markup[/bold]",
]


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name)[:30])
def test_any_name_is_kept_and_none_escapes(tapes: Path, name: str) -> None:
    run = rolltape.init(project=name, name=name, id=name, tags=[name], config={name: name})
    run.log({name: 1.0})
    run.close()
    assert run.directory.parent.parent == tapes.resolve()
    assert [path.name for path in tapes.iterdir()] == [run.directory.parent.name]
    store = rolltape.open(tapes)
    (info,) = store.runs(project=name)
    assert (info.id, info.project, info.name, info.tags, info.config) == (name, name, name, [name], {name: name})
    for asked in (name, info.key):
        assert store.run(asked).id == name
    assert store.points(name, name).value.tolist() == [1.0]


@settings(max_examples=300, suppress_health_check=list(HealthCheck), deadline=None)
@given(st.lists(st.text(min_size=1), min_size=2, max_size=20, unique=True))
def test_directory_names_are_safe_and_differ(names: list[str]) -> None:
    made = [directory_name(name) for name in names]
    assert len(set(made)) == len(names)
    for one in made:
        assert one.isascii()
        assert not set(one) & set('/\\:*?"<>|\0\n ')
        assert one[0] != "." and one[-1] != "."
        assert len(one) <= 120


def test_a_new_id_is_made_for_each_run(tapes: Path) -> None:
    ids = {rolltape.init().id for _ in range(5)}
    assert len(ids) == 5
    assert {info.name for info in rolltape.open().runs()} == ids, "a run without a name is called by its id"


@dataclasses.dataclass
class Config:
    lr: float
    layers: tuple[int, ...]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (None, {}),
        ({"lr": 3e-4, "seed": 1, "on": True, "none": None}, {"lr": 3e-4, "seed": 1, "on": True, "none": None}),
        (Config(0.1, (64, 64)), {"lr": 0.1, "layers": [64, 64]}),
        (argparse.Namespace(lr=0.1), {"lr": 0.1}),
        (
            {"a": np.float32(0.5), "b": np.int64(3), "c": np.arange(3), "d": Path("x/y")},
            {"a": 0.5, "b": 3, "c": [0, 1, 2], "d": "x/y"},
        ),
        ({"nan": float("nan"), "inf": float("inf")}, {"nan": "nan", "inf": "inf"}),
        ({1: {2: (3, {4})}}, {"1": {"2": [3, [4]]}}),
        ({"f": len}, {"f": "<built-in function len>"}),
    ],
    ids=repr,
)
def test_configs(tapes: Path, config: Any, expected: dict[str, Any]) -> None:
    rolltape.init(id="r", config=config).close()
    assert rolltape.open().run("r").config == expected
    json.loads((tapes / "default" / "r" / "run.json").read_text(), parse_constant=pytest.fail)


def test_a_config_that_contains_itself_is_cut(tapes: Path) -> None:
    config: dict[str, Any] = {}
    config["self"] = config
    rolltape.init(id="r", config=config).close()
    assert "self" in rolltape.open().run("r").config


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"project": ""}, ValueError, "project must not be empty"),
        ({"project": None}, TypeError, "project must be a string, not NoneType"),
        ({"name": 3}, TypeError, "name must be a string, not int: 3"),
        ({"id": ""}, ValueError, "id must not be empty"),
        ({"config": [1]}, TypeError, "config must be a mapping, a dataclass or a Namespace, not list"),
        ({"tags": "baseline"}, TypeError, "tags must be strings in a list, not 'baseline'"),
        ({"tags": [1]}, TypeError, "tags must be strings"),
        ({"durability": "always"}, ValueError, "durability must be 'os' or 'fsync', not 'always'"),
    ],
)
def test_wrong_arguments(tapes: Path, arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        rolltape.init(**arguments)
    assert not tapes.exists()


def test_the_directory_is_the_argument_else_the_variable_else_tapes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert rolltape.init(dir="mine").directory.parent.parent == (tmp_path / "mine").resolve()
    monkeypatch.setenv("ROLLTAPE_DIR", str(tmp_path / "theirs"))
    assert rolltape.init().directory.parent.parent == (tmp_path / "theirs").resolve()
    monkeypatch.delenv("ROLLTAPE_DIR")
    assert rolltape.init().directory.parent.parent == (tmp_path / "tapes").resolve()


def test_an_existing_id_attaches(tapes: Path) -> None:
    first = rolltape.init(id="r", name="first", config={"lr": 1}, tags=["a"])
    again = rolltape.init(id="r", name="second", tags=["b"])
    first.log({"x": 1.0})
    again.log({"x": 2.0})
    first.close()
    again.close()
    (info,) = rolltape.open().runs()
    assert (info.name, info.config, info.tags) == ("first", {"lr": 1}, ["a", "b"])
    assert sorted(rolltape.open().points("r", "x").value.tolist()) == [1.0, 2.0]
    assert [writer.status for writer in rolltape.open().writers("r")] == ["finished"] * 2


def test_describe_adds_to_what_init_said(tapes: Path) -> None:
    run = rolltape.init(id="r", name="first", config={"lr": 1, "seed": 3}, tags=["a"])
    run.describe({"lr": 2, "layers": (8, 8)}, tags=["b", "a"])
    run.describe(name="second")
    info = rolltape.open().run("r")
    assert (info.name, info.tags) == ("second", ["a", "b"])
    assert info.config == {"lr": 2, "seed": 3, "layers": [8, 8]}
    with pytest.raises(TypeError, match="tags must be strings in a list"):
        run.describe(tags="b")
    run.close()
    with pytest.raises(RecordingError, match=r"after close\(\)"):
        run.describe({"lr": 3})
    assert rolltape.open().run("r").config["lr"] == 2


def test_any_object_may_be_in_a_config(tapes: Path) -> None:
    class Rude:
        def __repr__(self) -> str:
            raise RuntimeError("no")

        tolist = shape = property(lambda self: 1 / 0)

    @dataclasses.dataclass
    class Config:
        lock: Any
        large: int = 10**5000
        names: frozenset[str] = frozenset({"b", "a"})

    run = rolltape.init(id="r", config=Config(threading.Lock()), tags=(tag for tag in ("a", "b")))
    run.describe({"rude": Rude()}, tags=iter(["c"]))
    info = rolltape.open().run("r")
    assert info.tags == ["a", "b", "c"]
    assert info.config["names"] == ["a", "b"]
    assert info.config["large"].startswith("an integer of")
    assert info.config["rude"].startswith("<Rude")


def test_foreign_facts_do_not_hide_the_store(tapes: Path) -> None:
    run = rolltape.init(id="r", name="mine", config={"lr": 1})
    run._writer.put_facts({"git": "x", "name": 3, "tags": "abc", "config": [1]})
    run._writer.put_facts([1, 2])  # type: ignore[arg-type]
    run.close()
    (info,) = rolltape.open().runs()
    assert (info.name, info.config, info.tags) == ("mine", {"lr": 1}, [])


def test_tensors_in_a_config_are_lists(tapes: Path) -> None:
    torch = pytest.importorskip("torch")
    run = rolltape.init(id="r", config={"gains": torch.tensor([1.0, 2.0]), "large": torch.zeros(40, 50)})
    config = rolltape.open().run(run.id).config
    assert config["gains"] == [1.0, 2.0]
    assert config["large"].startswith("tensor(")


def test_the_step_of_the_last_row(tapes: Path) -> None:
    run = rolltape.init()
    assert run.step == -1
    run.log({"x": 1.0})
    assert run.step == 0
    run.log({"x": 1.0}, step=7)
    run.log({"x": [1.0, 2.0]})
    assert run.step == 8
    run.log_batch({"x": [1.0, 2.0]}, step=[3, 4])
    assert run.step == 4


def test_many_threads_may_begin_the_same_run(tapes: Path) -> None:
    runs: list[rolltape.Run] = []
    threads = [threading.Thread(target=lambda: runs.append(rolltape.init(id="r"))) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({run._writer.name for run in runs}) == 12
    assert json.loads((tapes / "default" / "r" / "run.json").read_text())["id"] == "r"
    assert not list(tapes.glob("*/*/.*")), "no drafts are left"


def test_ids_are_ambiguous_only_between_projects(tapes: Path) -> None:
    rolltape.init(project="p", id="r").close()
    rolltape.init(project="q", id="r").close()
    store = rolltape.open()
    with pytest.raises(rolltape.RunNotFound, match="several runs are called 'r': p/r, q/r"):
        store.run("r")
    assert store.run("q/r").project == "q"


def test_git_facts(tmp_path: Path, tapes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = tmp_path / "repo"
    (repo / "sub").mkdir(parents=True)

    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(repo), "-c", "user.name=a", "-c", "user.email=a@b", *words],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        return done.stdout.strip()

    git("init", "-q")
    assert git_commit(repo) is None
    (repo / "file").write_text("1")
    git("add", ".")
    git("commit", "-qm", "x")
    commit = git("rev-parse", "HEAD")
    assert git_commit(repo / "sub") == commit
    git("pack-refs", "--all")
    assert git_commit(repo) == commit
    git("worktree", "add", "-q", str(tmp_path / "tree"))
    assert git_commit(tmp_path / "tree") == commit
    git("checkout", "-q", "--detach")
    assert git_commit(repo) == commit
    assert git_dirty(repo) is False
    (repo / "file").write_text("2")
    assert git_dirty(repo) is True
    assert git_dirty(tmp_path) is None

    monkeypatch.chdir(repo)
    run = rolltape.init(id="r")
    deadline = time.monotonic() + 10
    while "dirty" not in (found := rolltape.open().run("r").environment["git"]) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert found == {"commit": commit, "dirty": True}
    run.close()


def test_windows_records_frames(script: Any, tapes: Path) -> None:
    """A fake: os.name says nt. What is not POSIX gets no head and loses nothing at close."""
    trainer = script(
        """
        import os, rolltape.tape.filesystem as filesystem
        filesystem.os = type("os", (), {**vars(os), "name": "nt"})
        import rolltape
        run = rolltape.init(id="r")
        assert not run._writer.mapped
        for i in range(1000):
            run.log({"a": float(i)}, i)
        """
    )
    assert trainer.wait()[0] == 0
    assert len(rolltape.open(tapes).points("r", "a").step) == 1000


def test_the_first_run_json_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes that both saw no file: the second must not replace what the first wrote."""
    path = tmp_path / "run.json"
    assert _write_once(path, {"who": "first"})
    monkeypatch.setattr(Path, "exists", lambda _: False)
    assert not _write_once(path, {"who": "second"})
    assert json.loads(path.read_text()) == {"who": "first"}
    assert [one.name for one in tmp_path.iterdir()] == ["run.json"]
