// The glue to uPlot: the lines of a curve with their bands.
import uPlot from "uplot";
import { faint } from "../../palette";
import type { Curve, Line } from "../../types";
import { axesOf } from "./axes";
import { highlight, markCut, markNonfinite, type Stroke } from "./marks";
import { gapsAt, takeSelected, trimmed } from "./paths";
import { type Scaling, xRange, yRange } from "./ranges";
import { breaksOf, type Drawing, drawingOf, isSparse, nearest } from "./table";
import { glanceAt, moved } from "./window";

/** How near a line the mouse must be to be at it, in CSS pixels. */
const NEAR = 14;
/** Bands of so few lines have edges, so that the thinnest spike is seen. */
const FEW = 5;

/** What is missing stays missing on a log axis. */
const LOG: uPlot.Scale = { distr: 3, clamp: (_u, value, least) => (Number.isNaN(value) ? NaN : least / 10) };

export interface Hover {
  /** The bucket of every drawn line under the cursor. */
  indexes: readonly (number | null)[];
  /** The place of the line that the mouse is at; null: none, or the mouse is at another chart. */
  near: number | null;
}

/** What was left out of a picture. */
export interface Left {
  cut: number;
  unloggable: number;
}

export interface PlotEvents {
  hover(hover: Hover | null): void;
  zoom(lo: number, hi: number): void;
  reset(): void;
  open(line: Line, x: number): void;
  drawn(curve: Curve, left: Left): void;
}

export class Plot {
  private chart: uPlot | null = null;
  private signature = "";
  private curve: Curve | null = null;
  private drawing: Drawing | null = null;
  private strokes: readonly Stroke[] = [];
  private scaling: Scaling = { window: null, logX: false, logY: false, calm: false, ends: [null, null] };
  private lit: number | null = null;
  private near: number | null = null;

  constructor(
    private readonly host: HTMLElement,
    private readonly events: PlotEvents,
  ) {}

  /** Draws lines of a curve; builds a new chart only where the lines or their colours are others than before. */
  draw(curve: Curve, lines: readonly Line[], strokes: readonly Stroke[], scaling: Scaling, height: number): void {
    const { logX, logY } = scaling;
    this.curve = curve;
    this.strokes = strokes;
    this.scaling = scaling;
    this.drawing = drawingOf(curve, lines, logX, logY);
    const names = lines.map((line) => [line.id, line.metric, this.drawing?.banded.includes(line), isSparse(line)]);
    const colors = getComputedStyle(this.host).getPropertyValue("--muted");
    const signature = JSON.stringify([curve.x, strokes, names, logX, logY, colors]);
    if (this.chart && signature === this.signature) {
      this.chart.setData(this.drawing.data, true);
      return;
    }
    this.clear();
    this.signature = signature;
    this.chart = new uPlot(this.options(curve, this.drawing, height), this.drawing.data, this.host);
  }

  /** Shows another window, or other ends, of the data that are here already. */
  look(scaling: Scaling): void {
    this.scaling = scaling;
    if (this.chart) this.chart.setData(this.chart.data, true);
  }

  resize(width: number, height: number): void {
    const { chart } = this;
    if (chart && width > 0 && (chart.width !== width || chart.height !== height)) chart.setSize({ width, height });
  }

  /** Brings one line forward; null: none. */
  light(place: number | null): void {
    this.lit = place;
    if (this.chart && this.curve && this.drawing) highlight(this.chart, this.curve, this.drawing, this.strokes, place);
  }

  clear(): void {
    this.chart?.destroy();
    this.chart = null;
    this.signature = "";
  }

  /** The picture as it is, without the cursor. */
  canvas(): HTMLCanvasElement | null {
    return this.chart?.ctx.canvas ?? null;
  }

  private x(): [number, number] {
    const { edges = new Float64Array(), extent = null } = this.curve ?? {};
    return xRange(edges, { ...this.scaling, window: this.scaling.window ?? extent });
  }

  private options(curve: Curve, drawing: Drawing, height: number): uPlot.Options {
    const { lines, banded } = drawing;
    const { logX, logY } = this.scaling;
    const alpha = Math.min(0.24, 1 - 0.35 ** (1 / lines.length)); // all of them over each other stay below 65 %
    const bands: uPlot.Band[] = [];
    const series: uPlot.Series[] = [{}];
    const gapsOf = (place: number): uPlot.Series.GapsRefiner => {
      return (u, _series, _from, _to, known) => {
        const line = this.drawing?.lines[place];
        if (!line || !this.curve) return known;
        return gapsAt(u, breaksOf(this.curve, line));
      };
    };
    banded.forEach((line, i) => {
      const place = lines.indexOf(line);
      const color = this.strokes[place]?.color ?? "";
      bands.push({ series: [1 + 2 * i, 2 + 2 * i], fill: faint(color, alpha) });
      for (let edge = 0; edge < 2; edge++) {
        const few = lines.length <= FEW;
        const stroke = few ? { stroke: faint(color, 0.4), width: 1 } : { width: 0 };
        series.push({ ...stroke, paths: trimmed, points: { show: false }, gaps: gapsOf(place) });
      }
    });
    lines.forEach((line, i) => {
      const { color = "", dash = [] } = this.strokes[i] ?? {};
      series.push({
        stroke: color,
        width: lines.length > 20 ? 1 : 1.5,
        paths: trimmed,
        points: { show: isSparse(line), size: 5, width: 0, fill: color },
        gaps: gapsOf(i),
        ...(dash.length > 0 && { dash }),
      });
    });
    return {
      width: this.host.clientWidth,
      height,
      padding: [8, curve.x === "time" ? 28 : 18, 0, 0], // half of the last label of x
      legend: { show: false },
      series,
      bands,
      scales: {
        x: { time: false, range: () => this.x(), ...(logX && LOG) },
        y: { range: (u) => yRange(u.data, this.x(), this.scaling), ...(logY && LOG) },
      },
      axes: axesOf(this.host, curve.x, this.scaling),
      cursor: this.cursor(drawing.first),
      hooks: {
        ready: [(u) => this.listen(u)],
        draw: [(u) => this.drawn(u)],
        setSelect: [(u) => this.select(u)],
        setCursor: [(u) => this.told(u)],
      },
    };
  }

  private drawn(chart: uPlot): void {
    const { curve, drawing } = this;
    if (!curve || !drawing) return;
    markNonfinite(chart, curve, drawing, this.strokes);
    const { calm, ends } = this.scaling;
    const cut = calm || ends.some((end) => end !== null) ? markCut(chart, drawing, this.strokes) : 0;
    if (this.lit !== null) highlight(chart, curve, drawing, this.strokes, this.lit);
    this.events.drawn(curve, { cut, unloggable: drawing.unloggable });
  }

  private cursor(first: number): uPlot.Cursor {
    return {
      y: false,
      drag: { x: true, y: false, setScale: false, dist: 4 },
      bind: {
        mousedown: (u, _target, handler) => (event) => {
          if (event.button === 0) event.shiftKey ? this.pan(u, event) : handler(event);
          return null;
        },
        dblclick: () => () => {
          this.events.reset();
          return null;
        },
      },
      dataIdx: (u, s, i) => (s < first ? i : nearest(u.data[s] as Float64Array, i)),
      points: { show: ((u: uPlot, s: number) => (s < first ? undefined : dot(u, s))) as uPlot.Cursor.Points.Show },
      sync: { key: "x", setSeries: false, scales: ["x", null], filters: { pub: isMove } },
    };
  }

  /** Where the cursor is; the nearest line is looked for under the mouse itself only. */
  private told(chart: uPlot): void {
    const first = this.drawing?.first ?? 1;
    const { left = -1, top = -1, idxs = [] } = chart.cursor;
    this.near = null;
    if (left < 0) return this.events.hover(null);
    const indexes = idxs.slice(first);
    if (chart.over.matches(":hover")) {
      let least = NEAR;
      indexes.forEach((index, i) => {
        if (index === null || index === undefined) return;
        const away = Math.abs(chart.valToPos(chart.data[first + i]?.[index] ?? NaN, "y") - top);
        if (away < least) [least, this.near] = [away, i];
      });
      const line = this.near === null ? undefined : this.drawing?.lines[this.near];
      chart.over.classList.toggle("opens", line?.keys.length === 1);
    }
    this.events.hover({ indexes, near: this.near });
  }

  /** A click at a line of one run opens the run, unless it was the first of two. */
  private listen(chart: uPlot): void {
    let timer: ReturnType<typeof setTimeout> | undefined;
    chart.over.addEventListener("click", (event) => {
      clearTimeout(timer);
      const line = this.near === null ? undefined : this.drawing?.lines[this.near];
      const x = chart.posToVal(chart.cursor.left ?? 0, "x");
      if (line?.keys.length === 1 && !event.shiftKey) timer = setTimeout(() => this.events.open(line, x), 250);
    });
    chart.over.addEventListener("dblclick", () => clearTimeout(timer));
    chart.over.addEventListener("mousedown", (event) => event.shiftKey && event.preventDefault()); // else it selects text
    chart.over.addEventListener(
      "wheel",
      (event) => {
        if (!event.ctrlKey) return;
        event.preventDefault();
        glanceAt(...moved(this.x(), (event.deltaY + event.deltaX) / 1000));
      },
      { passive: false },
    );
  }

  private pan(chart: uPlot, start: MouseEvent): void {
    const from = this.x();
    const width = chart.over.clientWidth;
    const follow = (event: MouseEvent) => glanceAt(...moved(from, (start.clientX - event.clientX) / width));
    addEventListener("mousemove", follow);
    addEventListener("mouseup", () => removeEventListener("mousemove", follow), { once: true });
  }

  private select(chart: uPlot): void {
    const window = takeSelected(chart);
    if (window) this.events.zoom(...window);
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
