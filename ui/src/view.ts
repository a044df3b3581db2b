// What is being looked at. It lives in the URL's hash, so that an address can be shared and reloaded.
import { effect, signal } from "@preact/signals";
import type { Span, XAxis } from "./types";

/** The run keys somebody chose, or null for the default: the newest runs of one project. */
export const picked = signal<readonly string[] | null>(null);
export const xAxis = signal<XAxis>("step");
export const zoom = signal<Span | null>(null);
export const metricFilter = signal("");

const AXES: readonly XAxis[] = ["step", "relative", "time"];

/** A key in a hash: readable, with what has a meaning there escaped. */
function escape(text: string): string {
  return encodeURIComponent(text).replaceAll("%2F", "/");
}

function write(): string {
  const parts: string[] = [];
  if (picked.value) parts.push(`runs=${picked.value.map(escape).join(",")}`);
  if (xAxis.value !== "step") parts.push(`x=${xAxis.value}`);
  if (zoom.value) parts.push(`zoom=${zoom.value[0]}:${zoom.value[1]}`);
  if (metricFilter.value) parts.push(`find=${escape(metricFilter.value)}`);
  return parts.join("&");
}

function unescape(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function read(hash: string): void {
  const fields = new Map<string, string>();
  for (const part of hash.replace(/^#/, "").split("&")) {
    const cut = part.indexOf("=");
    if (cut > 0) fields.set(part.slice(0, cut), part.slice(cut + 1));
  }
  const runs = fields.get("runs");
  picked.value = runs === undefined ? null : runs.split(",").filter(Boolean).map(unescape);
  xAxis.value = AXES.find((axis) => axis === fields.get("x")) ?? "step";
  const ends = (fields.get("zoom") ?? "").split(":").map((end) => (end === "" ? NaN : Number(end)));
  const [lo = NaN, hi = NaN] = ends;
  zoom.value = Number.isFinite(lo) && Number.isFinite(hi) && lo < hi ? [lo, hi] : null;
  metricFilter.value = unescape(fields.get("find") ?? "");
}

export function setXAxis(axis: XAxis): void {
  if (axis === xAxis.value) return;
  zoom.value = null; // its units are those of the old axis
  xAxis.value = axis;
}

/** Zooms every chart to a window; its ends are rounded far below a pixel, to keep the address short. */
export function setZoom(lo: number, hi: number): void {
  const digits = Math.ceil(-Math.log10(hi - lo)) + 4;
  const round = (value: number) => Number(value.toFixed(Math.min(12, Math.max(0, digits))));
  if (round(lo) < round(hi)) zoom.value = [round(lo), round(hi)];
}

export function followAddress(): void {
  read(location.hash);
  addEventListener("hashchange", () => read(location.hash));
  effect(() => {
    const hash = write();
    if (hash !== location.hash.replace(/^#/, "")) {
      history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
    }
  });
}
