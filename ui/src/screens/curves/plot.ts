// The glue to uPlot: one line a run (the mean), and a band between its true minimum and maximum.
import uPlot from "uplot";
import { axisLabels, elapsed, timeLabels } from "./format";
import { faint, type Ink } from "./palette";
import type { Curve, Span } from "./types";

export const HEIGHT = 210;
export const MOST_BANDS = 12;
/** Lines of at most so many buckets, well apart, get a dot at each. */
const SPARSE = 40;
const FONT = '11px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';

export interface PlotEvents {
  /** The bucket of every line under the cursor, or null when the cursor is elsewhere. */
  hover(indexes: (number | null)[] | null): void;
  zoom(lo: number, hi: number): void;
  reset(): void;
  drawn(curve: Curve): void;
}

/** Seconds between ticks of elapsed time. */
const ELAPSED_STEPS = [
  1e-6, 1e-5, 1e-4, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900,
  1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 432000, 864000, 8640000,
];

export class Plot {
  private chart: uPlot | null = null;
  private signature = "";
  private curve: Curve | null = null;
  private window: Span | null = null;

  constructor(
    private readonly host: HTMLElement,
    private readonly events: PlotEvents,
  ) {}

  /** Draws a curve; builds a new chart only where the lines or their colours are others than before. */
  draw(curve: Curve, window: Span | null, inks: readonly Ink[], dark: boolean): void {
    this.curve = curve;
    this.window = window;
    const signature = JSON.stringify([curve.x, dark, inks, curve.lines.map((line) => line.key), isSparse(curve)]);
    const data = tableOf(curve);
    if (this.chart && signature === this.signature) {
      this.chart.setData(data, true);
      return;
    }
    this.clear();
    this.signature = signature;
    this.chart = new uPlot(this.options(curve, inks), data, this.host);
  }

  /** Shows another window of the data that are here already, until the server's answer comes. */
  look(window: Span | null): void {
    this.window = window;
    if (this.chart && this.curve) this.chart.setData(this.chart.data, true);
  }

  resize(width: number): void {
    if (this.chart && this.chart.width !== width) this.chart.setSize({ width, height: HEIGHT });
  }

  clear(): void {
    this.chart?.destroy();
    this.chart = null;
    this.signature = "";
  }

  private xRange(): [number, number] {
    const edges = this.curve?.edges ?? new Float64Array();
    const [lo, hi] = this.window ?? [edges[0] ?? 0, edges[edges.length - 1] ?? 1];
    return lo < hi ? [lo, hi] : [lo - 0.5, hi + 0.5];
  }

  /** Of what is drawn inside the window: uPlot's own search stops at a NaN. */
  private yRange(chart: uPlot): [number, number] {
    const [lo, hi] = this.xRange();
    const x = chart.data[0];
    let least = Infinity;
    let most = -Infinity;
    for (let i = 0; i < x.length; i++) {
      const at = x[i] as number;
      if (at < lo || at > hi) continue;
      for (let s = 1; s < chart.data.length; s++) {
        const value = chart.data[s]?.[i] as number;
        if (value < least) least = value;
        if (value > most) most = value;
      }
    }
    if (least > most) return [0, 1];
    const [from, to] = uPlot.rangeNum(least, most, 0.08, true);
    return [from ?? least, to ?? most];
  }

  private options(curve: Curve, inks: readonly Ink[]): uPlot.Options {
    const lines = curve.lines.length;
    const withBands = lines <= MOST_BANDS;
    const firstMean = withBands ? 1 + 2 * lines : 1;
    const sparse = isSparse(curve);
    const bandAlpha = Math.min(0.22, 1 - 0.35 ** (1 / lines)); // all of them over each other stay below 65 %
    const bands: uPlot.Band[] = [];
    const series: uPlot.Series[] = [{}];
    if (withBands) {
      inks.forEach((ink, i) => {
        bands.push({ series: [1 + 2 * i, 2 + 2 * i], fill: faint(ink.color, bandAlpha) });
        for (let edge = 0; edge < 2; edge++) series.push({ width: 0, paths: trimmed, points: { show: false } });
      });
    }
    for (const ink of inks) {
      series.push({
        stroke: ink.color,
        width: lines > 20 ? 1 : 1.5,
        paths: trimmed,
        points: { show: sparse, size: 5, width: 0, fill: ink.color },
        ...(ink.dashed && { dash: [6, 3] }),
      });
    }
    return {
      width: this.host.clientWidth,
      height: HEIGHT,
      padding: [8, curve.x === "step" ? 16 : 28, 0, 0], // half of the last label of x
      legend: { show: false },
      series,
      bands,
      scales: { x: { time: curve.x === "time", range: () => this.xRange() }, y: { range: (u) => this.yRange(u) } },
      axes: this.axes(curve),
      cursor: this.cursor(firstMean),
      hooks: {
        draw: [() => this.curve && this.events.drawn(this.curve)],
        setSelect: [(u) => this.select(u)],
        setCursor: [(u) => this.events.hover((u.cursor.left ?? -1) < 0 ? null : (u.cursor.idxs ?? []).slice(firstMean))],
      },
    };
  }

  private cursor(firstMean: number): uPlot.Cursor {
    return {
      y: false,
      drag: { x: true, y: false, setScale: false, dist: 4 },
      bind: {
        dblclick: () => () => {
          this.events.reset();
          return null;
        },
      },
      dataIdx: (u, s, i) => (s < firstMean ? i : nearest(u.data[s] as Float64Array, i)),
      points: { show: ((u: uPlot, s: number) => (s < firstMean ? undefined : dot(u, s))) as uPlot.Cursor.Points.Show },
      sync: { key: "x", setSeries: false, scales: ["x", null], filters: { pub: isMove } },
    };
  }

  private axes(curve: Curve): uPlot.Axis[] {
    const style = getComputedStyle(this.host);
    const ink = style.getPropertyValue("--muted").trim();
    const grid = { stroke: style.getPropertyValue("--grid").trim(), width: 1 };
    const common = { stroke: ink, font: FONT, grid, ticks: { ...grid, size: 4 }, gap: 4 };
    const x: uPlot.Axis = { ...common, size: 26, space: 62 };
    if (curve.x === "step") x.values = (_u, splits, _axis, _space, step) => axisLabels(splits, step);
    if (curve.x === "time") x.values = (_u, splits, _axis, _space, step) => timeLabels(splits, step);
    if (curve.x === "relative") {
      x.incrs = ELAPSED_STEPS;
      x.values = (_u, splits, _axis, _space, step) => splits.map((split) => elapsed(split, step));
    }
    const y: uPlot.Axis = {
      ...common,
      space: 34,
      values: (_u, splits, _axis, _space, step) => axisLabels(splits, step),
      size: (u, values, axis, cycle) => {
        const now = u.axes[axis] as uPlot.Axis & { _size: number };
        if (cycle > 1) return now._size;
        u.ctx.save();
        u.ctx.font = FONT;
        const widest = (values ?? []).reduce((most, text) => Math.max(most, u.ctx.measureText(text).width), 0);
        u.ctx.restore();
        return Math.max(44, Math.ceil(widest) + 14);
      },
    };
    return [x, y];
  }

  private select(chart: uPlot): void {
    const { left, width } = chart.select;
    if (width <= 0) return;
    const lo = chart.posToVal(left, "x");
    const hi = chart.posToVal(left + width, "x");
    chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.events.zoom(lo, hi);
  }
}

/** Charts share the place of the cursor, and nothing else of it. */
function isMove(type: string): boolean {
  return type === "mousemove" || type === "mouseleave";
}

function dot(chart: uPlot, series: number): HTMLElement {
  const element = document.createElement("div");
  const color = chart.series[series]?.stroke;
  element.className = "cursor-dot";
  element.style.background = String(typeof color === "function" ? color(chart, series) : color);
  return element;
}

/** x (middles of the buckets), then maximum and minimum of every line, then every mean: bands lie under all lines. */
function tableOf(curve: Curve): uPlot.AlignedData {
  const middles = new Float64Array(curve.buckets);
  for (let i = 0; i < curve.buckets; i++) middles[i] = ((curve.edges[i] ?? 0) + (curve.edges[i + 1] ?? 0)) / 2;
  const bands = curve.lines.length <= MOST_BANDS ? curve.lines.flatMap((line) => [line.max, line.min]) : [];
  return [middles, ...bands, ...curve.lines.map((line) => line.mean)];
}

/** Whether all lines are of few points that lie well apart. */
function isSparse(curve: Curve): boolean {
  return curve.lines.every(({ mean }) => {
    let n = 0;
    let first = -1;
    let last = -1;
    for (let i = 0; i < mean.length && n <= SPARSE; i++) {
      if (Number.isNaN(mean[i])) continue;
      if (first < 0) first = i;
      last = i;
      n++;
    }
    return n < 3 || (n <= SPARSE && (last - first) / n >= 4);
  });
}

const linear = uPlot.paths.linear?.() as uPlot.Series.PathBuilder;

/** A line from the first to the last value that is one: NaN at the ends would skew the band's polygon. */
const trimmed: uPlot.Series.PathBuilder = (chart, series, from, to) => {
  const values = chart.data[series] as unknown as Float64Array;
  while (from <= to && Number.isNaN(values[from])) from++;
  while (to >= from && Number.isNaN(values[to])) to--;
  return from <= to ? linear(chart, series, from, to) : null;
};

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
