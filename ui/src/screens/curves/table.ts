// The columns that uPlot draws: x, then high and low of every band, then every line, so that bands lie under all lines.
import type uPlot from "uplot";
import type { Curve, Line } from "../../types";

export const MOST_BANDS = 12;
/** Lines of at most so many buckets, well apart, get a dot at each. */
const SPARSE = 40;
/** What a log axis shows of a bound that is not positive: it is far below the edge. */
const BELOW = 1e-300;

/** What is drawn of a curve. */
export interface Drawing {
  lines: readonly Line[];
  banded: readonly Line[];
  data: uPlot.AlignedData;
  /** Place of the first line in the data. */
  first: number;
  /** Values that a log axis cannot show. */
  unloggable: number;
}

export function drawingOf(curve: Curve, lines: readonly Line[], logX: boolean, logY: boolean): Drawing {
  const x = middlesOf(curve.edges);
  const banded = lines.length <= MOST_BANDS ? lines.filter((line) => line.band !== "") : [];
  let unloggable = 0;
  const skip = logX ? x.findIndex((at) => at > 0) : 0;
  const shown = (values: Float64Array, floor: number): Float64Array => {
    if (!logY && skip === 0) return values;
    return values.map((value, i) => {
      if (Number.isNaN(value) || (logX && !((x[i] ?? 0) > 0))) return NaN;
      return logY && !(value > 0) ? floor : value;
    });
  };
  const bands = banded.flatMap((line) => [shown(line.high, NaN), logY ? lowOf(line, shown) : shown(line.low, NaN)]);
  const centers = lines.map((line) => {
    if (logY) for (const value of line.center) if (value <= 0) unloggable++;
    return shown(line.center, NaN);
  });
  return { lines, banded, data: [x, ...bands, ...centers], first: 1 + bands.length, unloggable };
}

/** A band that reaches zero goes down to the edge, but there is none where all of it is below. */
function lowOf(line: Line, shown: (values: Float64Array, floor: number) => Float64Array): Float64Array {
  return shown(line.low, BELOW).map((value, i) => ((line.high[i] ?? NaN) > 0 ? value : NaN));
}

export function isBelow(value: number): boolean {
  return value === BELOW;
}

export function middlesOf(edges: Float64Array): Float64Array {
  const middles = new Float64Array(Math.max(0, edges.length - 1));
  for (let i = 0; i < middles.length; i++) middles[i] = ((edges[i] ?? 0) + (edges[i + 1] ?? 0)) / 2;
  return middles;
}

/** Whether a line is of few points that lie well apart. */
export function isSparse({ center }: Line): boolean {
  let n = 0;
  let first = -1;
  let last = -1;
  for (let i = 0; i < center.length && n <= SPARSE; i++) {
    if (Number.isNaN(center[i])) continue;
    if (first < 0) first = i;
    last = i;
    n++;
  }
  return n < 3 || (n <= SPARSE && (last - first) / n >= 4);
}

/** Index ranges across which a line must not be drawn: it was restarted there, or logged nothing but NaN or infinities. */
export function breaksOf(curve: Curve, line: Line): [before: number, after: number][] {
  const { edges, buckets } = curve;
  const lo = edges[0] ?? 0;
  const width = ((edges[buckets] ?? 1) - lo) / buckets;
  const bucketOf = (x: number) => Math.max(-1, Math.min(buckets, Math.floor((x - lo) / width)));
  const breaks: [number, number][] = [];
  for (const [before, after] of line.gaps) {
    if (after > before && bucketOf(after) > bucketOf(before)) breaks.push([bucketOf(before), bucketOf(after)]);
  }
  for (const at of line.nonfinite_at) {
    if (!Number.isNaN(line.center[at]) || at <= (breaks.at(-1)?.[1] ?? -1)) continue;
    let before = at;
    let after = at;
    while (before >= 0 && Number.isNaN(line.center[before])) before--;
    while (after < buckets && Number.isNaN(line.center[after])) after++;
    if (before >= 0 && after < buckets) breaks.push([before, after]);
  }
  return breaks.sort((a, b) => a[0] - b[0]);
}

/** The index nearest to `i` that holds a value; null where the line ended well before, or begins well after. */
export function nearest(values: ArrayLike<number>, i: number): number | null {
  const beyond = Math.max(3, values.length / 50);
  let left = i;
  let right = i;
  while (left >= 0 && Number.isNaN(values[left])) left--;
  while (right < values.length && Number.isNaN(values[right])) right++;
  const hasLeft = left >= 0;
  const hasRight = right < values.length;
  if (hasLeft && hasRight) return i - left <= right - i ? left : right;
  if (hasLeft) return i - left <= beyond ? left : null;
  return hasRight && right - i <= beyond ? right : null;
}
