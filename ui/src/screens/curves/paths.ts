// How uPlot draws a line that has holes, and what was dragged over it.
import uPlot from "uplot";
import type { Span } from "../../types";

const linear = uPlot.paths.linear?.() as uPlot.Series.PathBuilder;

/** A line from the first to the last value that is one: NaN at the ends would skew the band's polygon. */
export const trimmed: uPlot.Series.PathBuilder = (chart, series, from, to) => {
  const values = chart.data[series] as unknown as Float64Array;
  while (from <= to && Number.isNaN(values[from])) from++;
  while (to >= from && Number.isNaN(values[to])) to--;
  return from <= to ? linear(chart, series, from, to) : null;
};

/** Index ranges across which nothing is drawn, in pixels. */
export function gapsAt(chart: uPlot, breaks: readonly (readonly [before: number, after: number])[]): uPlot.Series.Gaps {
  const { left, width } = chart.bbox;
  const at = (i: number) => chart.valToPos(chart.data[0][i] ?? (i < 0 ? -Infinity : Infinity), "x", true);
  const inside = (i: number) => Math.max(left, Math.min(left + width, at(i)));
  return breaks.map(([before, after]) => [inside(before), inside(after)]);
}

/** What was dragged over, which is not marked any longer. */
export function takeSelected(chart: uPlot): Span | null {
  const { left, width } = chart.select;
  if (width <= 0) return null;
  chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  return [chart.posToVal(left, "x"), chart.posToVal(left + width, "x")];
}
