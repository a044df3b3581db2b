// From values to pixels, and the round numbers that label them.
import { axisLabels } from "../format";

export interface Tick {
  value: number;
  label: string;
}

export interface Scale {
  at(value: number): number;
  back(pixel: number): number;
  ticks: readonly Tick[];
}

export type Range = readonly [lo: number, hi: number];

/** The smallest and largest of what is finite; null: nothing is. */
export function extentOf(values: Iterable<number | null | undefined>): Range | null {
  let lo = Infinity;
  let hi = -Infinity;
  for (const value of values) {
    if (value === null || value === undefined || !Number.isFinite(value)) continue;
    if (value < lo) lo = value;
    if (value > hi) hi = value;
  }
  return lo <= hi ? [lo, hi] : null;
}

/** Some room at both ends, also where all values are the same. */
export function padded([lo, hi]: Range, share = 0.05): Range {
  const room = hi > lo ? (hi - lo) * share : Math.abs(lo) * 0.1 || 1;
  return [lo - room, hi + room];
}

/** The distance of round numbers of which about `wanted` fit. */
export function roundStep(span: number, wanted: number): number {
  const rough = span / Math.max(1, wanted);
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((one) => one * power >= rough * (1 - 1e-9)) ?? 10;
  return factor * power;
}

export function linear([lo, hi]: Range, from: number, to: number, wanted = 5): Scale {
  const span = hi - lo || 1;
  const step = roundStep(span, wanted);
  const values: number[] = [];
  const first = Math.ceil(lo / step - 1e-9);
  for (let i = 0; i < 100 && (first + i) * step <= hi + step * 1e-9; i++) values.push((first + i) * step);
  const labels = axisLabels(values, step);
  return {
    at: (value) => from + ((value - lo) / span) * (to - from),
    back: (pixel) => lo + ((pixel - from) / (to - from)) * span,
    ticks: values.map((value, i) => ({ value, label: labels[i] ?? "" })),
  };
}

/** For numbers above 0. */
export function logarithmic([lo, hi]: Range, from: number, to: number, wanted = 5): Scale {
  const low = Math.log10(lo);
  const span = Math.log10(hi) - low || 1;
  const every = Math.max(1, Math.ceil(span / wanted));
  const factors = span < 1.5 ? [1, 2, 5] : span < 2.5 ? [1, 3] : [1];
  const ticks: Tick[] = [];
  for (let power = Math.floor(low); power <= Math.ceil(low + span); power++) {
    if (power % every !== 0) continue;
    for (const factor of factors) {
      const value = Number(`${factor}e${power}`);
      if (value >= lo * (1 - 1e-9) && value <= hi * (1 + 1e-9)) ticks.push({ value, label: plain(value) });
    }
  }
  return {
    at: (value) => from + ((Math.log10(value) - low) / span) * (to - from),
    back: (pixel) => 10 ** (low + ((pixel - from) / (to - from)) * span),
    ticks,
  };
}

/** A setting as one writes it: 0.001, 3e-4, 256, 1e6. */
export function plain(value: number): string {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  const rounded = Number(value.toPrecision(5));
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return rounded.toExponential().replace("e+", "e").replace("-", value < 0 ? "−" : "-");
  return String(rounded).replace(/^-/, "−");
}

/** Digits after the point that show numbers of this size with four digits. */
export function digitsFor(values: Iterable<number | null | undefined>): number {
  let largest = 0;
  for (const value of values) if (value && Number.isFinite(value)) largest = Math.max(largest, Math.abs(value));
  return largest === 0 ? 0 : Math.min(8, Math.max(0, 3 - Math.floor(Math.log10(largest))));
}
