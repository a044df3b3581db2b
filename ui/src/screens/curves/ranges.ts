// What the axes of a chart span.
import uPlot from "uplot";
import type { Span } from "../../types";
import type { Ends } from "./settings";
import { isBelow } from "./table";

/** How the reader wants a chart to be scaled. */
export interface Scaling {
  window: Span | null;
  logX: boolean;
  logY: boolean;
  /** Whether the y-axis leaves out what few values reach. */
  calm: boolean;
  ends: Ends;
}

export function xRange(edges: Float64Array, { window, logX }: Scaling): [number, number] {
  let [lo, hi] = window ?? [edges[0] ?? 0, edges[edges.length - 1] ?? 1];
  if (!(lo < hi)) [lo, hi] = [lo - 0.5, hi + 0.5];
  if (logX && lo <= 0) lo = edges.map((edge, i) => (edge + (edges[i + 1] ?? edge)) / 2).find((middle) => middle > 0) ?? lo;
  return logX && (lo <= 0 || lo >= hi) ? [Math.abs(hi) / 10 || 0.1, Math.abs(hi) || 1] : [lo, hi];
}

/** Of what is drawn inside the window: uPlot's own search stops at a NaN. */
export function yRange(data: uPlot.AlignedData, [lo, hi]: Span, scaling: Scaling): [number, number] {
  const [from, to] = scaling.calm ? mostOf(valuesIn(data, lo, hi)) : allOf(data, lo, hi);
  const [least, most] = from <= to ? padded(from, to, scaling.logY) : scaling.logY ? [0.1, 1] : [0, 1];
  const [low, high] = scaling.ends.map((end) => (end === null || (scaling.logY && end <= 0) ? null : end));
  const ends: [number, number] = [low ?? least, high ?? most];
  return ends[0] < ends[1] ? ends : [least, most];
}

function* valuesIn(data: uPlot.AlignedData, lo: number, hi: number): Generator<number> {
  const x = data[0];
  for (let i = 0; i < x.length; i++) {
    const at = x[i] as number;
    if (at < lo || at > hi) continue;
    for (let s = 1; s < data.length; s++) yield data[s]?.[i] as number;
  }
}

function allOf(data: uPlot.AlignedData, lo: number, hi: number): Span {
  const x = data[0];
  let least = Infinity;
  let most = -Infinity;
  for (let i = 0; i < x.length; i++) {
    const at = x[i] as number;
    if (at < lo || at > hi) continue;
    for (let s = 1; s < data.length; s++) {
      const value = data[s]?.[i] as number;
      if (value < least && !isBelow(value)) least = value;
      if (value > most) most = value;
    }
  }
  return [least, most];
}

/** From the 1st to the 99th percentile. */
function mostOf(values: Iterable<number>): Span {
  const found = Float64Array.from(values).filter((value) => !Number.isNaN(value) && !isBelow(value)).sort();
  const at = (share: number) => found[Math.round(share * (found.length - 1))] ?? (share < 0.5 ? 1 : 0);
  return [at(0.01), at(0.99)];
}

function padded(least: number, most: number, log: boolean): Span {
  if (log) {
    const pad = least < most ? (most / least) ** 0.06 : 2;
    return [least / pad, most * pad];
  }
  const [from, to] = uPlot.rangeNum(least, most, 0.08, true);
  return [from ?? least, to ?? most];
}
