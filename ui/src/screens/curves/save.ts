// A chart as a file: the picture with its legend, or the numbers that are drawn.
import { csvField, download } from "../../figures/files";
import { short } from "../../format";
import type { Curve } from "../../types";
import { axisName } from "./axis_text";
import type { Stroke } from "./marks";

function fileName(curve: Curve, ending: string): string {
  return `${curve.metrics.join("+").slice(0, 100)}.${ending}`;
}

export function csvOf(curve: Curve): string {
  const rows = [["metric", "line", "id", `${axisName(curve.x)} from`, "to", "center", "low", "high", "seeds", "points", "center is", "band is"]];
  const text = (value: number | undefined) => (value === undefined || Number.isNaN(value) ? "" : String(value));
  for (const line of curve.lines) {
    for (let i = 0; i < curve.buckets; i++) {
      if (Number.isNaN(line.center[i]) && !line.count[i]) continue;
      const numbers = [curve.edges[i], curve.edges[i + 1], line.center[i], line.low[i], line.high[i], line.n[i], line.count[i]];
      rows.push([line.metric, line.label, line.id, ...numbers.map(text), line.center_name, line.band]);
    }
  }
  return rows.map((row) => `${row.map(csvField).join(",")}\n`).join("");
}

export function saveCsv(curve: Curve): void {
  download(fileName(curve, "csv"), "text/csv;charset=utf-8", csvOf(curve));
}

/** `strokes` and `shown` are of the curve's lines. */
export function savePng(curve: Curve, plot: HTMLCanvasElement, strokes: readonly Stroke[], shown: readonly boolean[], words: string): void {
  const unit = devicePixelRatio;
  const style = getComputedStyle(document.documentElement);
  const ink = (name: string) => style.getPropertyValue(name).trim();
  const width = plot.width / unit;
  const picture = document.createElement("canvas");
  const ctx = picture.getContext("2d") as CanvasRenderingContext2D;
  const font = "system-ui, sans-serif";
  ctx.font = `11px ${font}`;
  const sentences = wrapped(ctx, words, width - 24);
  const lines = curve.lines.map((line, i) => ({ line, stroke: strokes[i] })).filter((_, i) => shown[i]);
  const height = 30 + plot.height / unit + 18 * lines.length + 15 * sentences.length + 14;
  picture.width = plot.width;
  picture.height = Math.round(height * unit);
  ctx.scale(unit, unit);
  ctx.fillStyle = ink("--panel");
  ctx.fillRect(0, 0, width, height);
  ctx.fillStyle = ink("--ink");
  ctx.font = `600 13px ${font}`;
  ctx.fillText(curve.metrics.join(" + "), 12, 20, width - 24);
  ctx.drawImage(plot, 0, 30, width, plot.height / unit);
  let y = 30 + plot.height / unit + 14;
  ctx.font = `11px ${font}`;
  for (const { line, stroke } of lines) {
    ctx.strokeStyle = stroke?.color ?? "gray";
    ctx.lineWidth = 2.5;
    ctx.setLineDash(stroke?.dash ?? []);
    ctx.beginPath();
    ctx.moveTo(12, y - 4);
    ctx.lineTo(34, y - 4);
    ctx.stroke();
    const last = line.center.findLast((value) => !Number.isNaN(value));
    const told = [line.label, curve.metrics.length > 1 ? line.metric : "", `${line.center_name}${line.band ? `, ${line.band}` : ""}`, `n = ${line.runs}`, last === undefined ? "" : `latest ${short(last)}`];
    ctx.fillStyle = ink("--ink");
    ctx.fillText(told.filter(Boolean).join(" · "), 42, y, width - 54);
    y += 18;
  }
  ctx.fillStyle = ink("--muted");
  for (const sentence of sentences) {
    ctx.fillText(sentence, 12, y);
    y += 15;
  }
  picture.toBlob((blob) => blob && download(fileName(curve, "png"), "image/png", blob));
}

function wrapped(ctx: CanvasRenderingContext2D, text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const longer = line ? `${line} ${word}` : word;
    if (line && ctx.measureText(longer).width > width) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return [...lines, line];
}
