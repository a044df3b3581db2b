// What is painted besides lines: NaN and infinities at the bottom, ends of what the y-axis cuts off, a highlighted line.
import type uPlot from "uplot";
import type { Curve } from "../../types";
import { faint } from "../../palette";
import { breaksOf, type Drawing, middlesOf } from "./table";

export interface Stroke {
  color: string;
  dash: number[];
}

/** A triangle at the bottom edge wherever a line logged NaN or an infinity. */
export function markNonfinite(chart: uPlot, curve: Curve, drawing: Drawing, strokes: readonly Stroke[]): void {
  const { ctx, bbox } = chart;
  const unit = devicePixelRatio;
  const x = middlesOf(curve.edges);
  const bottom = bbox.top + bbox.height;
  ctx.save();
  drawing.lines.forEach((line, i) => {
    ctx.fillStyle = strokes[i]?.color ?? "gray";
    let last = -Infinity;
    for (const at of line.nonfinite_at) {
      const left = chart.valToPos(x[at] ?? 0, "x", true);
      if (left < bbox.left || left > bbox.left + bbox.width || left - last < 3 * unit) continue;
      last = left;
      ctx.beginPath();
      ctx.moveTo(left, bottom - 8 * unit);
      ctx.lineTo(left - 4 * unit, bottom);
      ctx.lineTo(left + 4 * unit, bottom);
      ctx.fill();
    }
  });
  ctx.restore();
}

/** Marks at the edges where something drawn reaches beyond the y-axis; returns the number of these buckets. */
export function markCut(chart: uPlot, drawing: Drawing, strokes: readonly Stroke[]): number {
  const { ctx, bbox, data } = chart;
  const unit = devicePixelRatio;
  const { min = 0, max = 1 } = chart.scales.y as { min?: number; max?: number };
  const [from, to] = [chart.scales.x?.min ?? 0, chart.scales.x?.max ?? 0];
  const log = chart.scales.y?.distr === 3;
  let cut = 0;
  ctx.save();
  const check = (series: number, color: string) => {
    const values = data[series] as unknown as Float64Array;
    ctx.fillStyle = color;
    for (let i = 0; i < values.length; i++) {
      const value = values[i] as number;
      const at = data[0][i] as number;
      if (at < from || at > to || !(value > max || (value < min && !(log && value < 1e-299)))) continue;
      cut++;
      const left = chart.valToPos(at, "x", true) - unit;
      ctx.fillRect(left, value > max ? bbox.top : bbox.top + bbox.height - 5 * unit, 2 * unit, 5 * unit);
    }
  };
  drawing.lines.forEach((line, i) => {
    const color = strokes[i]?.color ?? "gray";
    const place = drawing.banded.indexOf(line);
    if (place < 0) return check(drawing.first + i, color);
    check(1 + 2 * place, color);
    check(2 + 2 * place, color);
  });
  ctx.restore();
  return cut;
}

/** One line over all others, with its band, on a canvas of its own: nothing below is drawn again. */
export function highlight(chart: uPlot, curve: Curve, drawing: Drawing, strokes: readonly Stroke[], place: number | null): void {
  const { over } = chart;
  let canvas = over.querySelector<HTMLCanvasElement>("canvas");
  if (place === null) {
    canvas?.remove();
    return;
  }
  if (!canvas) {
    canvas = document.createElement("canvas");
    canvas.className = "highlight";
    over.prepend(canvas);
  }
  const unit = devicePixelRatio;
  canvas.width = over.clientWidth * unit;
  canvas.height = over.clientHeight * unit;
  const line = drawing.lines[place];
  const stroke = strokes[place];
  const ctx = canvas.getContext("2d");
  if (!ctx || !line || !stroke) return;
  ctx.scale(unit, unit);
  ctx.fillStyle = getComputedStyle(chart.root).getPropertyValue("--panel");
  ctx.globalAlpha = 0.7;
  ctx.fillRect(0, 0, over.clientWidth, over.clientHeight);
  ctx.globalAlpha = 1;
  const x = middlesOf(curve.edges);
  const breaks = breaksOf(curve, line);
  const trace = (values: ArrayLike<number>, path: Path2D, backwards = false, broken = false) => {
    let begun = backwards;
    for (let k = 0; k < values.length; k++) {
      const i = backwards ? values.length - 1 - k : k;
      if (Number.isNaN(values[i])) continue;
      if (broken && breaks.some(([, after]) => after === i)) begun = false;
      const [left, top] = [chart.valToPos(x[i] ?? 0, "x"), chart.valToPos(values[i] ?? 0, "y")];
      if (!Number.isFinite(left + top)) continue;
      if (begun) path.lineTo(left, top);
      else path.moveTo(left, top);
      begun = true;
    }
  };
  if (line.band !== "") {
    const area = new Path2D();
    trace(line.high, area);
    trace(line.low, area, true);
    ctx.fillStyle = faint(stroke.color, 0.25);
    ctx.fill(area);
  }
  const path = new Path2D();
  trace(drawing.data[drawing.first + place] as ArrayLike<number>, path, false, true);
  ctx.strokeStyle = stroke.color;
  ctx.lineWidth = 2.5;
  ctx.setLineDash(stroke.dash);
  ctx.stroke(path);
}
