// Positions on the x-axis as people read them.
import { axisLabels, count, elapsed, position, short, timeLabels } from "../../format";
import type { XAxis } from "../../types";

export const AXES: readonly [XAxis, string][] = [
  ["step", "step"],
  ["relative", "time since start"],
  ["process", "running time"],
  ["time", "date and time"],
];

export function axisName(x: XAxis): string {
  return AXES.find(([name]) => name === x)?.[1] ?? x;
}

export function isElapsed(x: XAxis): boolean {
  return x === "relative" || x === "process";
}

/** `resolution` is the width of a bucket there. */
export function positionText(x: XAxis, value: number, resolution: number): string {
  if (!Number.isFinite(value)) return "–";
  if (isElapsed(x)) return elapsed(value, resolution);
  if (x === "time" || x === "step") return position(x, value, resolution);
  return resolution >= 1 ? count(value).replace("-", "−") : short(value);
}

export function splitTexts(x: XAxis, splits: readonly number[], increment: number): string[] {
  if (isElapsed(x)) return splits.map((split) => elapsed(split, increment));
  return x === "time" ? timeLabels(splits, increment) : axisLabels(splits, increment);
}
