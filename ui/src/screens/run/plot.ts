// The glue to uPlot for one run: a mean, over its true band or over a heat map of its values, and marks of media.
import uPlot from "uplot";
import { faint } from "../../palette";
import type { Span, XAxis } from "../../types";
import { axesOf } from "../curves/axes";
import { gapsAt, takeSelected, trimmed } from "../curves/paths";
import { type Scaling, xRange, yRange } from "../curves/ranges";
import { middlesOf } from "../curves/table";
import { type Heat, paintHeat } from "./heat_map";

const AS_IT_IS: Scaling = { window: null, logX: false, logY: false, calm: false, ends: [null, null] };

export interface Picture {
  x: XAxis;
  edges: Float64Array;
  center: Float64Array;
  /** Whether it is of few points, which then get a dot each. */
  sparse: boolean;
  /** Whether there is no band, though there are bounds. */
  bare?: boolean;
  low?: Float64Array;
  high?: Float64Array;
  heat?: Heat;
  window: Span | null;
  /** Index ranges across which nothing is drawn: the run was restarted there, or logged nothing but NaN. */
  breaks: readonly (readonly [before: number, after: number])[];
  marks: readonly number[];
  at: number | null;
  color: string;
}

export interface PlotEvents {
  /** Where the cursor is: the bucket, the value, and the place in pixels of the plot; null: elsewhere. */
  hover(seen: { bucket: number; value: number; left: number; top: number } | null): void;
  zoom(window: Span | null): void;
  click(x: number): void;
}

export class RunPlot {
  private chart: uPlot | null = null;
  private signature = "";
  private picture: Picture | null = null;

  constructor(
    private readonly host: HTMLElement,
    private readonly height: number,
    private readonly events: PlotEvents,
  ) {}

  draw(picture: Picture, dark: boolean): void {
    this.picture = picture;
    const signature = JSON.stringify([picture.x, dark, picture.color, picture.heat === undefined]);
    const data = tableOf(picture);
    if (this.chart && signature === this.signature) return this.chart.setData(data, true);
    this.clear();
    this.signature = signature;
    this.chart = new uPlot(this.options(picture), data, this.host);
    this.chart.over.addEventListener("click", (event) => this.click(event));
  }

  resize(): void {
    const width = this.host.clientWidth;
    if (this.chart && width > 0 && this.chart.width !== width) this.chart.setSize({ width, height: this.height });
  }

  clear(): void {
    this.chart?.destroy();
    this.chart = null;
    this.signature = "";
  }

  /** uPlot keeps back the click that ends a drag. */
  private click(event: MouseEvent): void {
    const chart = this.chart;
    if (chart) this.events.click(chart.posToVal(event.clientX - chart.over.getBoundingClientRect().left, "x"));
  }

  private xRange(): [number, number] {
    const { edges, window } = this.picture as Picture;
    return xRange(edges, { ...AS_IT_IS, window });
  }

  private yRange(chart: uPlot): [number, number] {
    const values = this.picture?.heat?.values;
    if (!values) return yRange(chart.data, this.xRange(), AS_IT_IS);
    const [lo, hi] = [values[0] ?? 0, values[values.length - 1] ?? 1];
    return [lo - (hi - lo) * 0.05, hi + (hi - lo) * 0.02]; // marks of media lie below the cells
  }

  private options(picture: Picture): uPlot.Options {
    const gaps: uPlot.Series.GapsRefiner = (u) => gapsAt(u, this.picture?.breaks ?? []);
    const edge: uPlot.Series = { width: 0, paths: trimmed, points: { show: false }, gaps };
    return {
      width: this.host.clientWidth || 600,
      height: this.height,
      padding: [10, 28, 0, 0],
      legend: { show: false },
      series: [
        {},
        edge,
        edge,
        { stroke: picture.color, width: 1.6, paths: trimmed, gaps, points: { show: () => this.picture?.sparse ?? false, size: 5, width: 0, fill: picture.color } },
      ],
      bands: [{ series: [1, 2], fill: faint(picture.color, 0.2) }],
      scales: { x: { time: false, range: () => this.xRange() }, y: { range: (u) => this.yRange(u) } },
      axes: axesOf(this.host, picture.x, AS_IT_IS),
      cursor: {
        y: picture.heat !== undefined,
        drag: { x: true, y: false, setScale: false, dist: 4 },
        points: { show: false },
        bind: {
          dblclick: () => () => {
            this.events.zoom(null);
            return null;
          },
        },
      },
      hooks: {
        drawAxes: [(u) => this.picture?.heat && paintHeat(u, this.picture.edges, this.picture.heat)],
        drawSeries: [(u, i) => i === 2 && this.picture?.heat && this.halo(u)],
        draw: [(u) => this.annotate(u)],
        setSelect: [(u) => this.select(u)],
        setCursor: [(u) => this.hover(u)],
      },
    };
  }

  /** A pale edge around the mean, so that it is seen on dark cells too. */
  private halo(chart: uPlot): void {
    const { ctx } = chart;
    const path = (chart.series[3] as uPlot.Series & { _paths?: { stroke?: Path2D } | null })._paths?.stroke;
    if (!path) return;
    ctx.save();
    ctx.strokeStyle = getComputedStyle(this.host).getPropertyValue("--panel").trim();
    ctx.lineWidth = 4 * devicePixelRatio;
    ctx.stroke(path);
    ctx.restore();
  }

  /** Triangles below the places where media were logged, and a line at the place that is looked at. */
  private annotate(chart: uPlot): void {
    const { ctx, bbox } = chart;
    const { marks, at, color } = this.picture as Picture;
    const size = 5 * devicePixelRatio;
    const bottom = bbox.top + bbox.height;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left - size, bbox.top, bbox.width + 2 * size, bbox.height);
    ctx.clip();
    ctx.fillStyle = color;
    let last = -Infinity;
    for (const x of marks) {
      const place = chart.valToPos(x, "x", true);
      if (place - last < 1) continue; // thousands of them at one pixel
      last = place;
      ctx.beginPath();
      ctx.moveTo(place - size, bottom);
      ctx.lineTo(place + size, bottom);
      ctx.lineTo(place, bottom - 1.7 * size);
      ctx.fill();
    }
    if (at !== null) {
      const place = Math.round(chart.valToPos(at, "x", true));
      ctx.fillStyle = getComputedStyle(this.host).getPropertyValue("--ink").trim();
      ctx.fillRect(place, bbox.top, Math.max(1, devicePixelRatio), bbox.height);
    }
    ctx.restore();
  }

  private select(chart: uPlot): void {
    const window = takeSelected(chart);
    if (window) this.events.zoom(window);
  }

  private hover(chart: uPlot): void {
    const { left = -1, top = -1 } = chart.cursor;
    const picture = this.picture;
    if (left < 0 || !picture) return this.events.hover(null);
    const bucket = bucketOf(picture.edges, chart.posToVal(left, "x"));
    this.events.hover(bucket < 0 ? null : { bucket, value: chart.posToVal(top, "y"), left: left + chart.over.offsetLeft, top });
  }
}

/** Which of equal buckets holds a value; -1: none. */
export function bucketOf(edges: Float64Array, value: number): number {
  const n = edges.length - 1;
  const [lo, hi] = [edges[0] ?? 0, edges[n] ?? 0];
  if (!(value >= lo && value <= hi)) return -1;
  return hi > lo ? Math.min(n - 1, Math.floor(((value - lo) / (hi - lo)) * n)) : 0;
}

function tableOf({ edges, bare, low, high, center }: Picture): uPlot.AlignedData {
  const middles = middlesOf(edges);
  const none = new Float64Array(middles.length).fill(NaN);
  return [middles, (!bare && high) || none, (!bare && low) || none, center];
}
