"""The stretches of a run between its restarts: what belongs together on a curve and what does not."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from rolltape.curves.bucket_axis import bucket_of
from rolltape.store import Curve


def segments(curve: Curve, run: str) -> list[slice]:
    """The stretches of buckets in which a run (its key) was not restarted, in order; together they are all buckets.

    A stretch begins with the bucket that holds the first x after a restart (`Gap.after`). Where the run went back to an
    earlier x, the buckets between there and where it had been hold values of both tries; they are in the later stretch.
    A bucket that holds both ends of a gap is in the later stretch, too.
    """
    buckets = len(curve.edges) - 1
    begins = {0, buckets}
    for gap in curve.gaps.get(run, ()):
        if curve.edges[0] < gap.after <= curve.edges[-1]:  # nor is a NaN inside
            begins.add(int(bucket_of(np.array([gap.after]), curve.edges)[0]))
    ordered = sorted(begins)
    return [slice(begin, end) for begin, end in pairwise(ordered)]
