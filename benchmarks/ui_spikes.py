"""How many one-point spikes of a long run the page shows: in the pixels of its chart and in what it is drawn from."""

from __future__ import annotations

import json
import struct
from bisect import bisect_right
from itertools import pairwise
from typing import Any, NamedTuple

from benchmarks.ui_browser import next_frame
from benchmarks.ui_data import POINTS, SPIKE, SPIKED, spike_steps

CHART = f'section.chart[data-metric="{SPIKED}"]'
HASH = "#curves&x=step&zoom={}:{}"
_ENDS = """([selector, low, high]) => {
  const {lo, hi, points} = document.querySelector(selector)?.dataset ?? {};
  const slack = (high - low) / 50;
  return points > 0 && Math.abs(lo - low) <= slack && Math.abs(hi - high) <= slack;
}"""
# Keeps the labels of each canvas with their places in it, to know later what its pixels stand for.
_LABELS = """() => {
  const {fillText, clearRect} = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.clearRect = function (...box) {
    this.canvas.labels = [];
    return clearRect.apply(this, box);
  };
  CanvasRenderingContext2D.prototype.fillText = function (text, x, y, ...rest) {
    const at = this.getTransform().transformPoint({x, y});
    (this.canvas.labels ??= []).push({text: String(text), x: at.x, y: at.y});
    return fillText.call(this, text, x, y, ...rest);
  };
}"""
# Whether near each of these steps there are coloured pixels at the height of a spike, from 0.9 of it up: by the labels
# of the axis, as a mean over a bucket would be a peak too where the axis is made for means.
_PIXELS = """([selector, steps, spike]) => {
  const section = document.querySelector(selector);
  const canvas = section.querySelector('canvas');
  const frame = canvas.getBoundingClientRect(), box = section.querySelector('.u-over').getBoundingClientRect();
  const scale = canvas.width / frame.width;
  const left = Math.round((box.x - frame.x) * scale), width = Math.round(box.width * scale);
  const floor = Math.round((box.y - frame.y) * scale), height = Math.round(box.height * scale);

  const number = text => {
    const [, digits, unit] = /^([-\\d.]+)([kM]?)$/.exec(text.replace(/[,\\s]/g, '').replace('\\u2212', '-')) ?? [];
    return Number(digits) * ({k: 1e3, M: 1e6}[unit] ?? 1);
  };
  const labels = (canvas.labels ?? []).filter(({x}) => x < left).map(({text, y}) => ({value: number(text), y}))
    .filter(({value}) => Number.isFinite(value)).sort((a, b) => a.value - b.value);
  if (labels.length < 2) throw new Error(`the labels of the y-axis cannot be read: ${JSON.stringify(canvas.labels)}`);
  const low = labels[0], high = labels[labels.length - 1];
  const row = value => low.y + (value - low.value) * (high.y - low.y) / (high.value - low.value);
  const top = Math.max(floor, Math.round(row(1.05 * spike))), bottom = Math.round(row(0.9 * spike));
  if (bottom <= top || bottom > floor + height) return steps.map(() => false);

  const {data} = canvas.getContext('2d').getImageData(left, top, width, bottom - top);
  const coloured = Array.from({length: width}, (_, x) => {
    for (let at = 4 * x; at < data.length; at += 4 * width) {
      const [r, g, b, a] = data.subarray(at, at + 4);
      if (a > 8 && Math.max(r, g, b) - Math.min(r, g, b) > 20) return true;
    }
    return false;
  });
  const {lo, hi, buckets} = section.dataset;
  const near = Math.ceil(width / buckets + 2 * scale);
  return steps.map(step => {
    const x = Math.round(width * (step - lo) / (hi - lo));
    return coloured.slice(Math.max(0, x - near), x + near + 1).some(Boolean);
  });
}"""


class Window(NamedTuple):
    """Steps from ``low`` to ``high``: how many spikes they have, and how many of them the page shows."""

    low: float
    high: float
    there: int
    in_pixels: int
    in_data: int
    elsewhere: int  # places half-way between two spikes where pixels pretend one


def windows() -> list[tuple[float, float]]:
    """The whole, and at each zoom several windows, some of which begin or end close to a spike."""
    steps, last = spike_steps(), POINTS - 1
    found: list[tuple[float, float]] = [(0, last)]
    for wide in (15_000, 5_000, 1_500, 500, 100, 20):
        for start in (steps[3] - 1, steps[12] - wide // 2, steps[20] - wide + 2):
            low = min(max(start, 0), last - wide)
            found.append((low, low + wide))
    return found


def look(page: Any, url: str) -> list[Window]:
    """Every window, through the page's own address; the first is what the page shows by itself."""
    answers: list[Any] = []
    page.on("response", lambda answer: answers.append(answer) if "/api/curve" in answer.url else None)
    page.add_init_script(f"({_LABELS})()")
    seen = []
    for number, (low, high) in enumerate(windows()):
        if number == 0:
            page.goto(url)
        else:
            page.evaluate("hash => { location.hash = hash }", HASH.format(low, high))
        page.wait_for_function(_ENDS, arg=[CHART, low, high])
        next_frame(page)
        inside = [step for step in spike_steps() if low <= step <= high]
        between = [(a + b) / 2 for a, b in pairwise(inside)]
        pixels, empty = (sum(page.evaluate(_PIXELS, [CHART, steps, SPIKE])) for steps in (inside, between))
        seen.append(Window(low, high, len(inside), pixels, _in_data(answers[-1].body(), inside), empty))
    return seen


def _in_data(answer: bytes, steps: list[int]) -> int:
    """Of how many steps the bucket reaches the spike, in an answer of `/api/curve`.

    Or the one beside it: far views are made of blocks of the index, which lie across the edges of buckets.
    """
    header, edges, columns = read_curve(answer)
    high = columns[0][header["columns"].index("high")]
    reached = 0
    for step in steps:
        bucket = bisect_right(edges, step) - 1
        reached += any(value >= SPIKE for value in high[max(bucket - 1, 0) : bucket + 2])
    return reached


def read_curve(answer: bytes) -> tuple[dict[str, Any], list[float], list[list[list[float]]]]:
    """The header, the edges, and the columns of each line of an answer of `/api/curve`."""
    (size,) = struct.unpack_from("<I", answer)
    header = json.loads(answer[4 : 4 + size])
    count = header["buckets"]
    numbers = struct.unpack_from(f"<{(len(answer) - 4 - size) // 8}d", answer, 4 + size)
    edges, rest = list(numbers[: count + 1]), numbers[count + 1 :]
    columns = [list(rest[start : start + count]) for start in range(0, len(rest), count)] if count else []
    each = len(header["columns"])
    return header, edges, [columns[first : first + each] for first in range(0, len(columns), each)]
