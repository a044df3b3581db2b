"""The second table: each peer measured the same way, in a fresh process of the peers' own environment."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from benchmarks.child import ChildError, in_child
from benchmarks.effort import Effort
from benchmarks.peers.drivers import DRIVERS
from benchmarks.peers.venv import PYTHON
from benchmarks.row import Row, skipped

SHARE = 10  # log() must take a tenth of what the fastest tracker takes, or less


@dataclass(frozen=True, slots=True)
class Peer:
    """What a peer costs; ``problem`` instead where it could not be measured."""

    name: str
    one: dict[str, Any] = field(default_factory=dict)  # medians of 1 scalar
    ten: dict[str, Any] = field(default_factory=dict)  # medians of 10 scalars
    whole: dict[str, Any] = field(default_factory=dict)  # totals of 10 scalars
    problem: str | None = None

    @property
    def title(self) -> str:
        version = self.whole.get("version")
        return f"{DRIVERS[self.name].title} {version}" if version else DRIVERS[self.name].title

    @property
    def is_tracker(self) -> bool:
        return bool(DRIVERS[self.name].install)


def measure(name: str, effort: Effort) -> Peer:
    """One peer. Those without a package of their own run beside rolltape and make far more calls."""
    tracker = bool(DRIVERS[name].install)
    arguments: dict[str, Any] = {
        "python": PYTHON if tracker else sys.executable,
        "driver": name,
        "calls": effort.peer_calls if tracker else effort.calls,
        "seconds": effort.peer_seconds,
        "timeout": 120 + 3 * effort.peer_seconds,
    }
    try:
        one = in_child("benchmarks.timing:medians", metrics=1, **arguments)
        ten = in_child("benchmarks.timing:medians", metrics=10, **arguments)
        wholes = [in_child("benchmarks.timing:totals", metrics=10, **arguments) for _ in range(1 if tracker else 3)]
    except ChildError as error:
        return Peer(name, problem=str(error))
    return Peer(name, one, ten, sorted(wholes, key=lambda whole: whole["wall"])[len(wholes) // 2])


def fastest_row(ten: Row, peers: Iterable[Peer]) -> Row:
    """``log()`` of 10 floats against the fastest tracker of the same run."""
    what, asked = "the same against the fastest tracker", f"≤ 1/{SHARE} of its time"
    trackers = [peer for peer in peers if peer.is_tracker and not peer.problem]
    if not trackers:
        return skipped(what, asked, "no peers")
    fastest = min(trackers, key=lambda peer: peer.ten["log"])
    times = fastest.ten["log"] / ten.figures["log_ns"]
    return Row(what, asked, f"1/{times:.1f} of {fastest.title}", times >= SHARE, {"times": times, "peer": fastest.name})
