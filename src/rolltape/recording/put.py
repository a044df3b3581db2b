"""The hot path: for each key set a function that packs a row into the open half of the head.

It is made from a template, as dataclasses make ``__init__``: with ten values a loop over them costs as much as
everything else together. The template is compiled once per number of metrics; what it costs is in
benchmarks/hot_path.py.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from functools import cache
from time import time_ns
from typing import TYPE_CHECKING, Any

from rolltape.recording.values import PLAIN
from rolltape.tape.rows import Schema
from rolltape.tape.writer import TapeWriter

if TYPE_CHECKING:
    from rolltape.recording.run import Run

MOST_METRICS = 256  # rows with more go the general way: compiling would take longer than it saves

Put = Callable[["Run", Mapping[str, Any], int | None], None]

# Between `half = ...` and `pack_into` no call is made. So under the GIL no other thread, signal handler or
# KeyboardInterrupt comes between, and whoever moves `at` owns the bytes it moved over (docs/decisions/002-hot-path.md).
# Without a GIL `Run.log` holds a lock around the whole.
_TEMPLATE = """
def make(writer, schema, size, pack_into, refusals, PLAIN, time_ns, {names}):
    def put(run, values, step):
        try:
            if len(values) != {count}:
                return run._log_other(values, step)
            {reads}
        except KeyError:
            return run._log_other(values, step)
        except TypeError:  # not a mapping
            return run._log_any(values, step)
        if {strange} or (type(step) is not int and step is not None):
            return run._log_any(values, step)
        now = time_ns()
        last = run._last
        number = last + 1 if step is None else step
        half = writer.half
        at = half.at
        end = at + size
        if end > half.limit:
            return run._log_any(values, step)
        half.at = end
        run._last = number
        try:
            pack_into(half.buffer, at, schema, number, now, {values}, schema)
        except refusals as error:  # an int that no float64, or a step that no int64 can hold
            if error.__traceback__.tb_next is not None:
                raise  # not of pack_into but of a signal handler; the row is there
            half.at = at
            run._last = last
            return run._log_any(values, step)
    return put
"""


@cache
def _compiled(metrics: int) -> Callable[..., Put]:
    numbers = range(metrics)
    source = _TEMPLATE.format(
        count=metrics,
        names=", ".join(f"n{i}" for i in numbers),
        reads="; ".join(f"v{i} = values[n{i}]" for i in numbers),
        strange=" or ".join(f"(type(v{i}) is not float and type(v{i}) not in PLAIN)" for i in numbers),
        values=", ".join(f"v{i}" for i in numbers),
    )
    scope: dict[str, Callable[..., Put]] = {}
    exec(compile(source, "<rolltape.recording.put>", "exec"), scope)
    return scope["make"]


def make_put(writer: TapeWriter, schema: Schema) -> Put:
    """The function that records one row of ``schema`` with ``writer``: ``put(run, values, step)``.

    Values that are not plain numbers, and anything out of the ordinary, it hands to ``run._log_any``.
    """
    make = _compiled(len(schema.metrics))
    refusals = (struct.error, OverflowError)
    return make(writer, schema.id, schema.size, schema.pack_into, refusals, PLAIN, time_ns, *schema.metrics)
