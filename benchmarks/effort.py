"""How much is measured: the whole, or with ``--quick`` less of the same."""

from __future__ import annotations

from typing import NamedTuple


class Effort(NamedTuple):
    """Repetitions are fresh processes; the median over them is what the tables show."""

    repetitions: int
    calls: int  # of a median, in each repetition
    rows: int  # of a whole run on the hot path
    batch_points: int  # of one run of log_batch
    size_rows: int
    slow_kills: int  # at 10 rows/s, side by side
    fast_kills: int  # at 100,000 rows/s, one after the other
    imports: int
    peer_calls: int
    peer_seconds: float


FULL = Effort(5, 200_000, 500_000, 10_000_000, 20_000, 6, 20, 15, 5_000, 8.0)
QUICK = Effort(3, 100_000, 200_000, 4_000_000, 10_000, 3, 6, 7, 1_000, 3.0)
