// Numbers and times as people read them.
import type { XAxis } from "./types";

/** The order of texts in which "seed 2" comes before "seed 10". */
export const naturally = new Intl.Collator(undefined, { numeric: true }).compare;

const UNITS: readonly [size: number, suffix: string][] = [
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
];

function unitOf(size: number): readonly [number, string] {
  return UNITS.find(([least]) => size >= least) ?? [1, ""];
}

/** Four significant digits (three below 1), with k, M, G: for tables. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e15)) return minus(value.toExponential(2));
  const [unit, suffix] = size < 1e4 ? ([1, ""] as const) : unitOf(size);
  const scaled = value / unit;
  const before = scaled === 0 ? 0 : Math.floor(Math.log10(Math.abs(scaled))) + 1;
  const digits = Number.isInteger(scaled) ? 0 : before > 0 ? Math.max(0, 4 - before) : 3 - before;
  return minus(scaled.toFixed(digits)) + suffix;
}

/** Labels of one axis: one unit for all of them, and just the digits that its increment needs. */
export function axisLabels(splits: readonly number[], increment: number): string[] {
  const largest = splits.reduce((most, split) => Math.max(most, Math.abs(split ?? 0)), 0);
  if (largest !== 0 && (largest < 1e-3 || largest >= 1e15)) {
    const digits = Math.min(4, Math.max(0, Math.floor(Math.log10(largest)) - Math.floor(Math.log10(increment) + 1e-9)));
    return splits.map((split) => (split === 0 ? "0" : minus(split.toExponential(digits))));
  }
  const [unit, suffix] = unitOf(largest);
  const digits = decimals(increment / unit);
  return splits.map((split) => (split === 0 ? "0" : minus((split / unit).toFixed(digits)) + suffix));
}

/** Digits after the point that tell multiples of `increment` apart. */
function decimals(increment: number): number {
  for (let digits = 0; digits < 8; digits++) {
    const scaled = increment * 10 ** digits;
    if (Math.abs(scaled - Math.round(scaled)) < 1e-6 * scaled) return digits;
  }
  return 8;
}

function minus(text: string): string {
  return text.replace("-", "−").replace("e−", "e-").replace("e+", "e");
}

/** A whole number in groups of three. */
export function count(value: number): string {
  return Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

/** A span of time in its two largest units. */
export function duration(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

/** A span of time in its largest unit. */
export function roughly(seconds: number): string {
  const s = Math.max(0, seconds);
  if (s < 60) return `${Math.round(s)} s`;
  if (s < 3600) return `${Math.round(s / 60)} min`;
  return s < 86400 ? `${Math.round(s / 3600)} h` : `${Math.round(s / 86400)} d`;
}

/** Elapsed time as on a stop-watch: 0:05, 12:30, 3:04:05, with decimals where the resolution asks for them. */
export function elapsed(seconds: number, resolution = 1): string {
  const digits = resolution < 1 ? Math.min(6, Math.ceil(-Math.log10(resolution))) : 0;
  const scale = 10 ** digits;
  const total = Math.round(Math.abs(seconds) * scale) / scale;
  const h = Math.floor(total / 3600);
  const m = Math.floor((total % 3600) / 60);
  const s = (total % 60).toFixed(digits).padStart(digits ? digits + 3 : 2, "0");
  const sign = seconds < 0 ? "−" : "";
  return h ? `${sign}${h}:${String(m).padStart(2, "0")}:${s}` : `${sign}${m}:${s}`;
}

const clockFormat = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const dayFormat = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const momentFormat = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });

/** Labels of a time axis: the time of day, and the day wherever a new one begins. */
export function timeLabels(splits: readonly number[], increment: number): string[] {
  let before = "";
  return splits.map((split, i) => {
    const day = dayFormat.format(split * 1000);
    const newDay = i > 0 && day !== before;
    before = day;
    if (newDay || increment >= 86400) return day;
    if (increment < 1) return clockFormat.format(split * 1000) + (split % 1).toFixed(3).slice(1);
    return clockFormat.format(split * 1000).slice(0, increment < 60 ? 8 : 5);
  });
}

export function moment(unixSeconds: number): string {
  return momentFormat.format(unixSeconds * 1000);
}

/** A position on the x-axis; `resolution` is the width of a bucket there. */
export function position(axis: XAxis, value: number, resolution: number): string {
  if (!Number.isFinite(value)) return "–";
  if (axis === "relative") return elapsed(value, resolution);
  if (axis === "step") return resolution >= 1 || Number.isInteger(value) ? minus(count(value)) : short(value);
  const clock = clockFormat.format(value * 1000);
  return resolution > 120 ? `${dayFormat.format(value * 1000)} ${clock.slice(0, 5)}` : clock;
}
