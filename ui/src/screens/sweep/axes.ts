// The settings of a sweep, and its score, as axes: where a group lies on each.
import { extentOf, linear, logarithmic, plain, type Range, type Scale } from "../../figures/scales";
import type { Setting } from "../../types";
import type { Key, Swept, SweptGroup } from "./types";

/** The axis of the score; no config key is empty. */
export const SCORE = "";

/** What lies between two numbers, or between two categories in their order. */
export interface Brush {
  key: string;
  lo: number | string;
  hi: number | string;
}

export interface Axis {
  key: string;
  title: string;
  kind: "number" | "category";
  /** Of a category axis, in order. */
  names: readonly string[];
  range: Range;
  /** From values, or places of categories, to pixels. */
  scale: Scale;
  /** Null: the group has no such value. */
  valueOf(group: SweptGroup): number | null;
}

export function textOf(setting: Setting): string {
  if (typeof setting === "string") return setting;
  if (typeof setting === "number") return plain(setting);
  return setting === undefined ? "–" : JSON.stringify(setting);
}

function numberAxis(key: Key, from: number, to: number): Axis {
  const numbers = key.values.filter((value): value is number => typeof value === "number");
  const extent = extentOf(numbers) ?? [0, 1];
  const make = key.log ? logarithmic : linear;
  const scale = make(extent, from, to);
  // Few values are their own ticks
  const ticks = key.distinct <= 8 ? numbers.map((value) => ({ value, label: plain(value) })) : scale.ticks;
  return {
    key: key.key,
    title: key.key,
    kind: "number",
    names: [],
    range: extent,
    scale: { ...scale, ticks },
    valueOf: (group) => {
      const value = group.config[key.key];
      return typeof value === "number" && Number.isFinite(value) && (!key.log || value > 0) ? value : null;
    },
  };
}

function categoryAxis(key: Key, from: number, to: number): Axis {
  const names = key.values.map(textOf);
  const places = new Map(key.values.map((value, i) => [JSON.stringify(value), i]));
  const range: Range = [-0.5, names.length - 0.5];
  const scale = linear(range, from, to);
  return {
    key: key.key,
    title: key.key,
    kind: "category",
    names,
    range,
    scale: { ...scale, ticks: names.map((label, value) => ({ value, label })) },
    valueOf: (group) => (key.key in group.config ? (places.get(JSON.stringify(group.config[key.key])) ?? null) : null),
  };
}

export function axisOf(key: Key, from: number, to: number): Axis {
  return key.kind === "number" ? numberAxis(key, from, to) : categoryAxis(key, from, to);
}

export function scoreAxis(swept: Swept, from: number, to: number): Axis {
  const extent = extentOf(swept.groups.map((group) => group.score)) ?? [0, 1];
  const range = extent[0] < extent[1] ? extent : ([extent[0] - 0.5, extent[1] + 0.5] as const);
  return { key: SCORE, title: swept.metric, kind: "number", names: [], range, scale: linear(range, from, to, 6), valueOf: (group) => group.score };
}

/** The ends of a brush as numbers on its axis; null: it speaks of categories that are not there. */
export function spanOf(brush: Brush, axis: Axis): [lo: number, hi: number] | null {
  const at = (end: number | string) => (axis.kind === "category" ? axis.names.indexOf(String(end)) : Number(end));
  const lo = at(brush.lo);
  const hi = at(brush.hi);
  if (axis.kind === "category" && (lo < 0 || hi < 0)) return null;
  return Number.isFinite(lo) && Number.isFinite(hi) ? [Math.min(lo, hi), Math.max(lo, hi)] : null;
}

/** The ids of the groups that lie within all brushes. */
export function selectedBy(brushes: readonly Brush[], axes: readonly Axis[], groups: readonly SweptGroup[]): ReadonlySet<string> {
  const spans = brushes.flatMap((brush) => {
    const axis = axes.find((one) => one.key === brush.key);
    const span = axis && spanOf(brush, axis);
    return span ? [{ valueOf: axis.valueOf, lo: span[0], hi: span[1] }] : [];
  });
  const inside = (group: SweptGroup) =>
    spans.every(({ valueOf, lo, hi }) => {
      const value = valueOf(group);
      return value !== null && value >= lo && value <= hi;
    });
  return new Set(groups.filter(inside).map((group) => group.id));
}

/** A brush between two pixels of an axis; null: they are too near each other. */
export function brushAt(axis: Axis, from: number, to: number): Brush | null {
  if (Math.abs(from - to) < 3) return null;
  if (axis.kind === "number") {
    // An end of the axis is that very number, not one that is rounded to its wrong side
    const valueAt = (pixel: number) => axis.range.find((end) => Math.abs(axis.scale.at(end) - pixel) < 1) ?? Number(axis.scale.back(pixel).toPrecision(5));
    const [a, b] = [valueAt(from), valueAt(to)];
    return { key: axis.key, lo: Math.min(a, b), hi: Math.max(a, b) };
  }
  const [one, other] = [axis.scale.back(from), axis.scale.back(to)];
  const [lo, hi] = [Math.min(one, other), Math.max(one, other)];
  const first = axis.names[Math.max(0, Math.ceil(lo - 0.25))];
  const last = axis.names[Math.min(axis.names.length - 1, Math.floor(hi + 0.25))];
  const fits = first !== undefined && last !== undefined && axis.names.indexOf(first) <= axis.names.indexOf(last);
  return fits ? { key: axis.key, lo: first, hi: last } : null;
}
