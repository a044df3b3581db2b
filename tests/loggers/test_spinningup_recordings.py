"""The same calls as in recorded runs of Spinning Up 0.2.0 give the same files and the same prints, byte for byte.

What is recorded and how is told in spinningup/README.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rolltape
from rolltape.loggers import EpochLogger
from rolltape.loggers.tabular_logger import TabularLogger

RECORDED = Path(__file__).parent / "spinningup"
TRAINED = ["vpg1", "vpg2", "ppo1", "tf1", "vpg_no_episode_first", "vpg_no_episode_later"]


def recorded(name: str) -> str:
    return (RECORDED / name).read_bytes().decode()


def printed(name: str) -> str:
    """What the logger printed, without the lines of the script around it."""
    lines = recorded(f"{name}/stdout.txt").splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(("#", "CALL ")))


class Tensor:
    """A stand-in for a PyTorch scalar in the recorded call: its text and its number are what counts here."""

    def __float__(self) -> float:
        return 2.5

    def __str__(self) -> str:
        return "tensor(2.5000)"


@pytest.fixture(autouse=True)
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The recordings were made in ``out/<name>``."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("with_run", [False, True])
def test_edge(strict: bool, with_run: bool) -> None:
    logger = EpochLogger(rolltape.init() if with_run else None, "out/edge", strict=strict)
    logger.store(A=1)
    logger.store(A=3)
    logger.store(B=np.array([1, 2, 3]))
    logger.store(B=np.array([4]))
    logger.log_tabular("A", with_min_and_max=True)
    logger.log_tabular("B", average_only=True)
    logger.log_tabular("N", 0)
    logger.log_tabular("S", "txt")
    logger.dump_tabular()
    logger.log_tabular("N", 1)
    logger.dump_tabular()
    logger.dump_tabular()
    assert Path("out/edge/progress.txt").read_bytes().decode() == recorded("edge/progress.txt")


def test_edge_table(capsys: pytest.CaptureFixture[str]) -> None:
    logger = EpochLogger(output_dir="out/edge_table", exp_name="edge_table", strict=True)
    for a in (1, 3, 2):
        logger.store(A=a)
    logger.store(V=np.array([1, 2, 3]))
    logger.store(V=np.array([4]), S0=np.float64(0.1))
    logger.store(S0=np.float32(0.2))
    mean, std = logger.get_stats("A")
    assert (str(mean), str(std)) == ("2.0", "0.8164966")
    logger.log_tabular("A", with_min_and_max=True)
    logger.log_tabular("V", average_only=True)
    logger.log_tabular("S0", with_min_and_max=True, average_only=True)
    plain: dict[str, Any] = {
        "Int": 7,
        "BigInt": 123456789012,
        "Bool": True,
        "F64": np.float64(0.1),
        "F32": np.float32(0.1),
        "PyFloat": 0.1,
        "Tiny": 1.23456789e-17,
        "Nan": float("nan"),
        "NegInf": -float("inf"),
        "Arr0d": np.array(2.5),
        "Arr1": np.array([2.5]),
        "Tensor0d": Tensor(),
        "Text": "warm-up",
        "Tabbed": "a\tb",
        "List": [1, 2],
        "Empty": "",
        "AVeryLongKeyNameIndeed": 1,
        "With Space %": 50.0,
    }
    for key, value in plain.items():
        logger.log_tabular(key, value)
    logger.dump_tabular()

    def fails(error: type[Exception], call: Callable[[], object]) -> str:
        with pytest.raises(error) as caught:
            call()
        return str(caught.value)

    fails(IndexError, lambda: logger.log_tabular("A"))
    fails(KeyError, lambda: logger.log_tabular("Never"))
    fails(KeyError, lambda: logger.get_stats("Never"))
    fails(IndexError, lambda: logger.get_stats("A"))
    new = "Trying to introduce a new key {} that you didn't include in the first iteration"
    assert fails(AssertionError, lambda: logger.log_tabular("New", 1)) == new.format("New")
    logger.log_tabular("Int", 8)
    again = "You already set Int this iteration. Maybe you forgot to call dump_tabular()"
    assert fails(AssertionError, lambda: logger.log_tabular("Int", 9)) == again
    fails(IndexError, lambda: logger.log_tabular("F64", None))
    logger.store(A=5)
    logger.log_tabular("A")
    assert fails(AssertionError, lambda: logger.log_tabular("A", 9.0)) == new.format("A")
    logger.dump_tabular()
    logger.dump_tabular()
    logger.log_tabular("Int", np.array([1, 2]))
    several = "only size-1 arrays can be converted to Python scalars"
    assert fails(TypeError, logger.dump_tabular) == several
    assert fails(AssertionError, lambda: logger.log_tabular("Int", 10)) == again
    logger.log_current_row.clear()
    logger.log_tabular("Int", 11)
    logger.dump_tabular()
    assert Path("out/edge_table/progress.txt").read_bytes().decode() == recorded("edge_table/progress.txt")
    assert capsys.readouterr().out == printed("edge_table")


def test_edge_plain(capsys: pytest.CaptureFixture[str]) -> None:
    logger = TabularLogger(output_dir="out/edge_plain", output_fname="other.txt", strict=True)
    logger.log("a message")
    logger.log("red one", color="red")
    logger.log_tabular("K", None)
    logger.log_tabular("Z", 1)
    logger.dump_tabular()
    empty = TabularLogger(output_dir="out/edge_empty", strict=True)
    with pytest.raises(ValueError, match=re.escape("max() arg is an empty sequence")):
        empty.dump_tabular()
    assert Path("out/edge_empty/progress.txt").read_bytes() == b""
    second = TabularLogger(output_dir="out/edge_plain", output_fname="other.txt", strict=True)
    second.log_tabular("K", 2)
    second.dump_tabular()
    assert Path("out/edge_plain/other.txt").read_bytes().decode() == recorded("edge_plain/other.txt")
    assert capsys.readouterr().out == printed("edge_plain")
    assert Path("out/edge_plain/other.txt.1").read_text() == "K\tZ\nNone\t1\n", "the first one's file is not lost"


class Klass:
    def __str__(self) -> str:
        return "<Klass>"


class Bare:
    __slots__ = ()

    def __str__(self) -> str:
        return "<Bare>"


def named() -> None: ...


ADDRESS = re.compile(r"at 0x[0-9a-f]+")


def without_addresses(text: str) -> str:
    return ADDRESS.sub("at 0x0", text.replace("edge_config_config.<locals>.", ""))


def edge_config() -> dict[str, Any]:
    thing: Any = Klass()
    thing.a, thing.f = 1, named
    made = lambda: None  # noqa: E731
    made.__qualname__ = "<lambda>"
    return {
        "z": 1, "a": None, "flag": True, "text": "x", "nan": float("nan"), "inf": float("inf"), "tup": (1, 2),
        "lst": [1, named, np.float32(0.5)], "fn": named, "cls": Klass, "lam": made, "obj": thing, "bare": Bare(),
        "npint": np.int64(3), "npf": np.float64(0.25), "arr": np.arange(3), "st": {1},
        "nested": {"b": {"c": named}, "ints": {2: "two", 10: "ten"}}, "uni": "é", "exp_name": "overwritten",
    }  # fmt: skip


@pytest.mark.parametrize("strict", [False, True])
def test_edge_config(capsys: pytest.CaptureFixture[str], strict: bool) -> None:
    logger = EpochLogger(output_dir="out/edge_config", exp_name="edge_config", strict=strict)
    logger.save_config(edge_config())
    for wrong in ({"t": (1, named)}, {1: named, "b": 2}, {("a", 1): 1, "b": named}) if strict else ():
        with pytest.raises(TypeError):
            logger.save_config(wrong)
    saved = Path("out/edge_config/config.json").read_bytes().decode()
    assert without_addresses(saved) == without_addresses(recorded("edge_config/config.json"))
    assert without_addresses(capsys.readouterr().out) == without_addresses(printed("edge_config"))


@pytest.mark.parametrize("name", TRAINED)
@pytest.mark.parametrize("strict", [False, True])
def test_training_runs(name: str, strict: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """Every row of a real run, given as the numbers that its algorithm gave: the same files and the same tables."""
    logger = EpochLogger(output_dir=f"out/{name}", exp_name="neptune_logging" if name == "tf1" else name, strict=strict)
    header, *rows = [line.split("\t") for line in recorded(f"{name}/progress.txt").splitlines()] or [[]]
    for row in rows:
        for key, text in zip(header, row, strict=True):
            value: Any = int(text) if text.isdigit() else float(text)
            if isinstance(value, float) and str(np.float32(text)) == text:
                value = np.float32(text)
            logger.log_tabular(key, value)
        logger.dump_tabular()
    assert Path(f"out/{name}/progress.txt").read_bytes().decode() == recorded(f"{name}/progress.txt")
    if (RECORDED / name / "stdout.txt").exists():
        tables = [line for line in printed(name).splitlines() if line.startswith(("| ", "---"))]
        assert [line for line in capsys.readouterr().out.splitlines() if line.startswith(("| ", "---"))] == tables


@pytest.mark.parametrize("name", TRAINED)
def test_training_configs(name: str) -> None:
    """The configuration of a real run, saved again, is the same file: only its own logger's attributes differ."""
    there = recorded(f"{name}/config.json")
    config = json.loads(there)
    exp_name = config["exp_name"]
    logger = EpochLogger(output_dir=f"out/{name}", exp_name=exp_name)
    logger.save_config(config | {"exp_name": "overwritten"})
    assert Path(f"out/{name}/config.json").read_bytes().decode() == there


def test_where_the_original_died_in_epoch_0(tapes: Path) -> None:
    """VPG on Pendulum, 150 steps an epoch: no episode ends, and the original stops with KeyError: 'EpRet'."""
    strict = EpochLogger(output_dir="out/strict", strict=True)
    strict.log_tabular("Epoch", 0)
    with pytest.raises(KeyError, match="EpRet"):
        strict.log_tabular("EpRet", with_min_and_max=True)
    assert Path("out/strict/progress.txt").read_text() == recorded("vpg_no_episode_first/progress.txt")

    logger = EpochLogger(rolltape.init(id="r"), "out/vpg")
    for epoch in range(2):
        if epoch:
            logger.store(EpRet=-200.0, EpLen=200)
        logger.log_tabular("Epoch", epoch)
        logger.log_tabular("EpRet", with_min_and_max=True)
        logger.log_tabular("EpLen", average_only=True)
        logger.dump_tabular()
    assert Path("out/vpg/progress.txt").read_text() == (
        "Epoch\tAverageEpRet\tStdEpRet\tMaxEpRet\tMinEpRet\tEpLen\n0\t\t\t\t\t\n1\t-200.0\t0.0\t-200.0\t-200.0\t200.0\n"
    )
    assert rolltape.open().points("r", "EpRet").value.tolist() == [-200.0]


def test_where_the_original_died_in_epoch_12() -> None:
    """VPG on CartPole, 40 steps an epoch: an epoch without the end of an episode, IndexError in the original."""
    for strict in (True, False):
        logger = EpochLogger(output_dir=f"out/{strict}", strict=strict)
        logger.store(EpRet=36.0)
        logger.log_tabular("EpRet")
        logger.dump_tabular()
        if strict:
            with pytest.raises(IndexError, match="list index out of range"):
                logger.log_tabular("EpRet")
        else:
            logger.log_tabular("EpRet")
            logger.dump_tabular()
    assert Path("out/True/progress.txt").read_text() == "AverageEpRet\tStdEpRet\n36.0\t0.0\n"
    assert Path("out/False/progress.txt").read_text() == "AverageEpRet\tStdEpRet\n36.0\t0.0\n\t\n"
