"""Run where the real Acme is installed: the same calls through its filters and through ours give the same rows.

Prints what was compared. Run by test_acme.py.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from typing import Any

from rolltape import loggers as ours

assert not [name for name in sys.modules if name.split(".")[0] == "acme"], "rolltape.loggers has imported Acme"

from acme.utils import loggers as theirs  # noqa: E402


class Rows(theirs.Logger):
    """One of Acme's kind: keeps rows."""

    def __init__(self) -> None:
        self.rows: list[Any] = []
        self.closed = 0

    def write(self, data: Any) -> None:
        self.rows.append(dict(data) if isinstance(data, dict) else data)

    def close(self) -> None:
        self.closed += 1


def outcome(call: Callable[[], object]) -> object:
    """What a call returns, or the kind of error that it raises."""
    try:
        return call()
    except Exception as error:
        return type(error)


def rows_of(seed: int) -> list[dict[str, Any]]:
    dice = random.Random(seed)
    keys = ["a", "b", "episode_return", "steps"]
    return [
        {key: dice.choice([None, 0, 1.5, "x", float("inf")]) for key in keys if dice.random() < 0.8} for _ in range(60)
    ]


def compared(name: str, make: Callable[[Any, Any], Any]) -> None:
    """``make(module, to)`` builds the filter; its rows, errors and closing must be Acme's."""
    for seed in range(20):
        seen = []
        for module in (theirs, ours):
            clock = iter([float(i // 3) + 100 for i in range(10_000)])
            time.time = time.monotonic = lambda clock=clock: next(clock)
            to = Rows()
            logger = outcome(lambda module=module, to=to: make(module, to))
            if isinstance(logger, type):
                seen.append((logger,))
                continue
            errors = [outcome(lambda row=row, logger=logger: logger.write(row)) for row in rows_of(seed)]
            logger.close()
            seen.append((errors, to.rows, to.closed))
        assert seen[0] == seen[1], (name, seed, *seen)
    print(name)


real = time.time, time.monotonic
compared("NoneFilter", lambda module, to: module.NoneFilter(to))
for delta in (0.0, 0.5, 1.0, 2.5, 7.0, -1.0):
    compared(f"TimeFilter {delta}", lambda module, to, delta=delta: module.TimeFilter(to, delta))
for arguments in ({"keep": ["a"]}, {"drop": ["a", "steps"]}, {"keep": ["a", "b"]}, {}, {"keep": ["a"], "drop": ["b"]}):
    compared(f"KeyFilter {arguments}", lambda module, to, some=arguments: module.KeyFilter(to, **some))
for n in (2, 3, 7, 10):
    compared(f"GatedFilter.logarithmic {n}", lambda module, to, n=n: module.GatedFilter.logarithmic(to, n))
    compared(f"GatedFilter.periodic {n}", lambda module, to, n=n: module.GatedFilter.periodic(to, n))
compared("GatedFilter", lambda module, to: module.GatedFilter(to, lambda row: row in (3, 4)))
compared("Dispatcher", lambda module, to: module.Dispatcher([to, to]))
compared("Dispatcher serialize_fn", lambda module, to: module.Dispatcher([to, to], str))
time.time, time.monotonic = real

for rows in range(3000):  # over whole decades
    gates = [module.GatedFilter.logarithmic(Rows(), 10)._gating_fn(rows) for module in (theirs, ours)]
    assert gates[0] == gates[1], rows

# Ours are Acme's, by isinstance, and mix with Acme's in one chain.
to = Rows()
mixed = ours.SmoothingFilter(theirs.TimeFilter(ours.NoneFilter(theirs.Dispatcher([to])), 0), "return", 0.5)
mixed.write({"return": 2.0, "x": None})
mixed.close()
assert to.rows == [{"return": 2.0, "return_smoothed_0.5": 2.0}]
assert to.closed == 1
for name in ours.__all__:
    thing = getattr(ours, name)
    if isinstance(thing, type) and issubclass(thing, ours.Logger):
        assert issubclass(thing, theirs.Logger), name
        assert issubclass(thing, theirs.base.Logger), name
print("isinstance")
