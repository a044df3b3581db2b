"""The points of one metric as columns: out of a frame, out of a half of the head, one stretch after the other."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rolltape.tape.columns import Payload, RowsFrame
from rolltape.tape.head import HeadRows


class Columns(NamedTuple):
    """Points of one metric in the order they were logged: step[n], time[n] (ns), value[n]."""

    step: NDArray[np.int64]
    time: NDArray[np.int64]
    value: NDArray[np.float64]


NOTHING = Columns(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))


AxisColumn = Literal["step", "time"]


class Part(NamedTuple):
    """The points number ``start`` to ``stop`` that a metric has in a ROWS frame."""

    frame: int
    start: int
    stop: int


def from_frame(rows: RowsFrame, payload: Payload, places: dict[int, int], skip: int = 0) -> Columns:
    parts, orders = [], []
    holding = [group for group in rows.groups if group.schema in places]
    for group in holding:
        points = Columns(
            rows.step(payload, group),
            rows.time(payload, group),
            rows.values(payload, group, places[group.schema]),
        )
        if not skip and len(holding) == 1:
            return points
        order = rows.order(payload, group)
        kept = order >= skip
        parts.append(points if kept.all() else Columns(points.step[kept], points.time[kept], points.value[kept]))
        orders.append(order[kept])
    return _in_order(parts, orders)


def part_of_frame(
    rows: RowsFrame, payload: Payload, places: dict[int, int], part: Part, only: AxisColumn | None
) -> Columns:
    within = slice(part.start, part.stop)
    holding = [group for group in rows.groups if group.schema in places]
    if len(holding) != 1:  # its points are in order only when all are there
        return Columns._make(column[within] for column in from_frame(rows, payload, places))
    (group,) = holding
    unread: NDArray[np.int64] = np.broadcast_to(np.int64(0), part.stop - part.start)
    return Columns(
        unread if only == "time" else rows.step(payload, group, within),
        unread if only == "step" else rows.time(payload, group, within),
        rows.values(payload, group, places[group.schema], within),
    )


def from_head(half: HeadRows, places: dict[int, int], skip: int = 0) -> Columns:
    parts, orders = [], []
    for group in half.groups:
        column = places.get(group.schema.id)
        if column is None:
            continue
        order = np.arange(len(group.step)) if group.order is None else group.order
        kept = order >= skip
        parts.append(Columns(group.step[kept], group.time[kept], group.values[column][kept]))
        orders.append(order[kept])
    return _in_order(parts, orders)


def _in_order(parts: list[Columns], orders: list[NDArray[np.int64]]) -> Columns:
    points = concatenate(parts)
    if len(parts) < 2:
        return points
    placed = np.concatenate(orders).argsort(kind="stable")
    return Columns(points.step[placed], points.time[placed], points.value[placed])


def concatenate(parts: list[Columns]) -> Columns:
    """One after the other."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return NOTHING
    return Columns(
        np.concatenate([part.step for part in parts]),
        np.concatenate([part.time for part in parts]),
        np.concatenate([part.value for part in parts]),
    )
