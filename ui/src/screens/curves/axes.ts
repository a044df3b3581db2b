// The axes of a chart: their labels, and how wide they are.
import type uPlot from "uplot";
import { axisLabels, short } from "../../format";
import type { XAxis } from "../../types";
import { isElapsed, splitTexts } from "./axis_text";
import type { Scaling } from "./ranges";

const FONT = '11px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';

/** Seconds between ticks of time. */
const TIME_STEPS = [
  1e-6, 1e-5, 1e-4, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900,
  1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 432000, 864000, 8640000,
];

/** Ticks at round times of day, here. */
function clockSplits(_u: uPlot, _axis: number, lo: number, hi: number, step: number): number[] {
  const shift = new Date(lo * 1000).getTimezoneOffset() * 60;
  const splits = [];
  for (let i = Math.ceil((lo - shift) / step); i * step + shift <= hi; i++) splits.push(i * step + shift);
  return splits;
}

/** 1, 2 and 5 of each decade, as far as uPlot has room for them. */
function logTexts(splits: readonly (number | null)[]): string[] {
  return splits.map((split) => (split !== null && /^[125](\.0*)?e/.test(split.toExponential(9)) ? short(split) : ""));
}

export function axesOf(host: HTMLElement, x: XAxis, { logX, logY }: Scaling): uPlot.Axis[] {
  const style = getComputedStyle(host);
  const ink = style.getPropertyValue("--muted").trim();
  const grid = { stroke: style.getPropertyValue("--grid").trim(), width: 1 };
  const common = { stroke: ink, font: FONT, grid, ticks: { ...grid, size: 4 }, gap: 4 };
  const along: uPlot.Axis = {
    ...common,
    size: 26,
    space: x === "time" ? 90 : 62,
    values: (_u, splits, _axis, _space, step) => (logX ? logTexts(splits) : splitTexts(x, splits, step)),
    ...((isElapsed(x) || x === "time") && !logX && { incrs: TIME_STEPS }),
    ...(x === "time" && !logX && { splits: clockSplits }),
  };
  const up: uPlot.Axis = {
    ...common,
    space: 34,
    values: (_u, splits, _axis, _space, step) => (logY ? logTexts(splits) : axisLabels(splits, step)),
    size: (u, values, axis, cycle) => {
      const now = u.axes[axis] as uPlot.Axis & { _size: number };
      if (cycle > 1) return now._size;
      u.ctx.save();
      u.ctx.font = FONT;
      const widest = (values ?? []).reduce((most, text) => Math.max(most, u.ctx.measureText(text ?? "").width), 0);
      u.ctx.restore();
      return Math.max(44, Math.ceil(widest) + 14);
    },
  };
  return [along, up];
}
