"""The hot path: for each key set a function that packs a row into the open half of the head.

It is made from a template, as dataclasses make ``__init__``: with ten values a loop over them costs as much as
everything else together. The template is compiled once per number of metrics; what it costs is in
benchmarks/hot_path.py.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from time import time_ns
from typing import TYPE_CHECKING, Any, Protocol

from rolltape.recording.values import PLAIN
from rolltape.tape.rows import Schema
from rolltape.tape.writer import TapeWriter

if TYPE_CHECKING:
    from rolltape.recording.run import Run

MOST_METRICS = 256  # rows with more go the general way: compiling would take longer than it saves
GIL = getattr(sys, "_is_gil_enabled", lambda: True)() and sys.implementation.name == "cpython"

Put = Callable[["Run", Mapping[str, Any], int | None], None]

# Between `half = ...` and `pack_into` no call is made. So under the GIL no other thread, signal handler or
# KeyboardInterrupt comes between, and whoever moves `at` owns the bytes it moved over (docs/decisions/002-hot-path.md).
# Without a GIL `Run.log` holds a lock around the whole.
_TEMPLATE = """
def make({makers}, writer, schema, size, pack_into, refusals, PLAIN, time_ns, {names}):
    def put({arguments}):
        try:
            if len(values) != {count}:
                return {other}
            {reads}
        except KeyError:
            return {other}
        except TypeError:  # not a mapping
            return {general}
        if {strange}:
            return {general}
        now = time_ns()
        last = run._last
        number = {step}
        half = writer.half
        at = half.at
        end = at + size
        if end > half.limit:
            return {general}
        half.at = end
        run._last = number
        {reckon}
        try:
            pack_into(half.buffer, at, schema, number, now, {values}, schema)
        except refusals as error:  # an int that no float64, or a step that no int64 can hold
            if error.__traceback__.tb_next is not None:
                raise  # not of pack_into but of a signal handler; the row is there
            half.at = at
            run._last = last
            {unreckon}
            return {general}
        {then}
    return put
"""


def _compile(metrics: int, strange: list[str], **parts: str) -> Callable[..., Any]:
    """The function ``make`` of the template for rows of so many metrics; any of ``strange`` goes the general way."""
    numbers = range(metrics)
    source = _TEMPLATE.format(
        count=metrics,
        names=", ".join(f"n{i}" for i in numbers),
        reads="; ".join(f"v{i} = values[n{i}]" for i in numbers),
        strange=" or ".join(strange),
        values=", ".join(f"v{i}" for i in numbers),
        **parts,
    )
    scope: dict[str, Callable[..., Any]] = {}
    exec(compile(source, "<rolltape.recording.put>", "exec"), scope)
    return scope["make"]


def _is_no_number(i: int) -> str:
    return f"(type(v{i}) is not float and type(v{i}) not in PLAIN)"


@cache
def _compiled(metrics: int) -> Callable[..., Put]:
    return _compile(
        metrics,
        [*map(_is_no_number, range(metrics)), "(type(step) is not int and step is not None)"],
        makers="_",
        arguments="run, values, step",
        step="last + 1 if step is None else step",
        other="run._log_other(values, step)",
        general="run._log_any(values, step)",
        reckon="pass",
        unreckon="pass",
        then="return None",
    )


def make_put(writer: TapeWriter, schema: Schema) -> Put:
    """The function that records one row of ``schema`` with ``writer``: ``put(run, values, step)``.

    Values that are not plain numbers, and anything out of the ordinary, it hands to ``run._log_any``.
    """
    return _compiled(len(schema.metrics))(None, *_fixed(writer, schema))


class Storing(Protocol):
    """Who stores rows as keywords: counts environment steps, and takes what `make_store` does not do itself."""

    steps: int | None

    def store_any(self, values: dict[str, Any], /) -> None: ...


@cache
def _compiled_store(metrics: int, length: int | None) -> Callable[..., Callable[..., None]]:
    counted = "last + 1 if storing.steps is None else storing.steps"
    keep = "; ".join(f"keep{i}(v{i})" for i in range(metrics))
    return _compile(
        metrics,
        [f"type(v{i}) is not int" if i == length else _is_no_number(i) for i in range(metrics)],
        makers="run, storing, " + ", ".join(f"keep{i}" for i in range(metrics)),
        arguments="**values",
        step=counted if length is None else f"((steps := storing.steps) or 0) + v{length}",
        other="storing.store_any(values)",
        general="storing.store_any(values)",
        reckon="pass" if length is None else "storing.steps = number",
        unreckon="pass" if length is None else "storing.steps = steps",
        then=keep,
    )


def make_store(
    run: Run, storing: Storing, metrics: tuple[str, ...], keeps: Sequence[Callable[[Any], None]], length: int | None
) -> Callable[..., None]:
    """The function ``store(**values)`` that records a row of these metrics and hands each value to one of ``keeps``.

    Args:
        run: where the row goes, at step ``storing.steps``.
        storing: told of everything out of the ordinary, as ``run._log_any`` is by `make_put`.
        metrics: names of the values.
        keeps: what takes each value once it is recorded, such as ``list.append``.
        length: which value is the length of an episode, and is added to ``storing.steps`` first.
    """
    writer = run._writer
    fixed = _fixed(writer, writer.declare(metrics))
    return _compiled_store(len(metrics), length)(run, storing, *keeps, *fixed)


def _fixed(writer: TapeWriter, schema: Schema) -> tuple[Any, ...]:
    refusals = (struct.error, OverflowError)
    return (writer, schema.id, schema.size, schema.pack_into, refusals, PLAIN, time_ns, *schema.metrics)
