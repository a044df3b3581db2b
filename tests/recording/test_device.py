"""PyTorch and JAX values. Host arrays of the real libraries; what a device does is played by a fake, and says so."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rolltape
from rolltape.errors import RecordingError


def read(metric: str) -> list[float]:
    return rolltape.open().points("r", metric).value.tolist()


def test_rolltape_imports_neither() -> None:
    code = (
        "import sys, rolltape; run = rolltape.init(); run.log({'x': [1.0]}); run.close();"
        "print('torch' in sys.modules, 'jax' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False False"


def test_pytorch_on_the_host(tapes: Path) -> None:
    torch = __import__("torch") if os.environ.get("REQUIRE_ALL") == "1" else pytest.importorskip("torch")
    run = rolltape.init(id="r")
    loss = (torch.tensor([3.0], requires_grad=True) * 2).sum()
    vector = torch.arange(3, dtype=torch.int64)
    for i in range(2):
        run.log(
            {
                "loss": loss,
                "half": torch.tensor(0.5, dtype=torch.bfloat16),
                "double": torch.tensor(0.1, dtype=torch.float64),
                "bool": torch.tensor(True),
                "vector": vector,
            },
            torch.tensor(i),
        )
    vector += 100  # copied at once
    assert read("loss") == [6.0, 6.0]
    assert read("half") == [0.5, 0.5]
    assert read("double") == [0.1, 0.1]
    assert read("bool") == [1.0, 1.0]
    assert read("vector") == [0.0, 1.0, 2.0] * 2
    with pytest.raises(RecordingError, match=r"array of shape \(2, 2\)"):
        run.log({"matrix": torch.zeros(2, 2)})
    with pytest.raises(RecordingError, match="metric 'meta' is a Tensor that cannot be read"):
        run.log({"meta": torch.zeros(2, dtype=torch.complex64)})


def test_jax_on_the_host(tapes: Path, script: Callable[..., Any]) -> None:
    """In a process of its own: JAX warns of every later fork."""
    if os.environ.get("REQUIRE_ALL") != "1" and importlib.util.find_spec("jax") is None:
        pytest.skip("JAX is not installed")
    trainer = script(
        """
        import jax, rolltape
        run = rolltape.init(id="r")
        value = jax.jit(lambda x: x * 2)(jax.numpy.arange(3.0))
        run.log({"vector": value, "scalar": value.sum(), "bfloat": jax.numpy.bfloat16(0.5)}, 1)
        run.log({"scalar": jax.numpy.float32(7.0).block_until_ready()}, 2)

        def step(x):
            run.log({"x": x})
            return x

        try:
            jax.jit(step)(1.0)
        except rolltape.RecordingError as error:
            print(error)
        """
    )
    told = trainer.line()
    assert trainer.wait()[0] == 0
    assert "tracer has no value yet; log outside of jit" in told
    assert read("vector") == [0.0, 2.0, 4.0]
    assert sorted(read("scalar")) == [6.0, 7.0]
    assert read("bfloat") == [0.5]


class FakeDeviceArray:
    """A fake: an array on a device that is busy until `done` is set. Converting it waits, as JAX does."""

    def __init__(self, value: Any) -> None:
        self.value = np.asarray(value)
        self.done = threading.Event()
        self.waited_in: set[str] = set()

    def is_ready(self) -> bool:
        return self.done.is_set()

    def devices(self) -> set[Any]:
        return {type("Device", (), {"platform": "gpu"})()}

    def copy_to_host_async(self) -> None:
        pass

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        self.waited_in.add(threading.current_thread().name)
        if not self.done.wait(20):
            raise RuntimeError("the device is gone")
        return self.value.astype(dtype)

    def __float__(self) -> float:
        return float(self.__array__(np.float64))


@pytest.fixture
def fake_jax(monkeypatch: pytest.MonkeyPatch) -> None:
    tracer = type("Tracer", (), {})
    core = type("core", (), {"Tracer": tracer})
    monkeypatch.setitem(sys.modules, "jax", type("jax", (), {"Array": FakeDeviceArray, "core": core}))  # type: ignore[arg-type]


def test_log_does_not_wait_for_a_device(tapes: Path, fake_jax: None) -> None:
    run = rolltape.init(id="r")
    run.log({"loss": 0.0, "host": 0.0}, 0)  # the key set is known to the fast path
    loss, returns = FakeDeviceArray(2.5), FakeDeviceArray([1.0, 2.0])
    run.log({"loss": loss, "host": 1.0}, 7)
    run.log({"returns": returns, "loss": 3.5}, 8)
    assert not loss.waited_in or loss.waited_in == {"rolltape-settler"}
    assert read("host") == [0.0, 1.0], "the host's values do not wait either"
    loss.done.set()
    returns.done.set()
    deadline = time.monotonic() + 10
    while len(rolltape.open().points("r", "loss").value) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    run.close()
    points = rolltape.open().points("r", "loss")
    assert sorted(zip(points.step.tolist(), points.value.tolist(), strict=True)) == [(0, 0.0), (7, 2.5), (8, 3.5)]
    assert (points.time[points.step == 7] <= points.time[points.step == 8]).all(), "with the time of the call"
    assert read("returns") == [1.0, 2.0]
    assert loss.waited_in == {"rolltape-settler"}


def test_close_waits_for_what_the_device_still_computes(tapes: Path, fake_jax: None) -> None:
    run = rolltape.init(id="r")
    value = FakeDeviceArray(4.0)
    run.log({"loss": value})
    threading.Timer(0.2, value.done.set).start()
    run.close()
    assert read("loss") == [4.0]


def test_a_device_that_fails_is_counted(monkeypatch: pytest.MonkeyPatch, tapes: Path, fake_jax: None) -> None:
    monkeypatch.setenv("ROLLTAPE_STRICT", "0")
    run = rolltape.init(id="r")
    value = FakeDeviceArray(4.0)
    value.__array__ = None  # type: ignore[assignment]
    monkeypatch.setattr(FakeDeviceArray, "__array__", lambda *_: 1 / 0)
    with pytest.warns(rolltape.RolltapeWarning, match="'loss' is a device value that cannot be read"):
        run.log({"loss": value, "x": 1.0})
        run.close()
    assert rolltape.open().run("r").lost == 1
    assert read("x") == [1.0]


def test_a_slow_device_holds_up_neither_frames_nor_rows(tapes: Path, fake_jax: None) -> None:
    run = rolltape.init(id="r")
    slow = FakeDeviceArray(1.0)
    run.log({"slow": slow}, 0)
    began = time.monotonic()
    for i in range(30_000):
        run.log({"a": float(i), "b": 1.0}, i)
    took = time.monotonic() - began
    assert len(read("a")) == 30_000
    slow.done.set()
    run.close()
    assert read("slow") == [1.0]
    assert run.lost == 0
    assert took < 9, "rows waited for the device"
