// What the reader set for all charts; all of it is in the address.
import { computed, signal } from "@preact/signals";
import { type Codec, flag, list, maybe, oneOf, param, text } from "../../address";
import type { Span, XAxis } from "../../types";

export const CENTERS = ["auto", "mean", "median", "iqm"] as const;
export const BANDS = ["auto", "ci", "minmax", "std", "stderr", "iqr", "none"] as const;
export const SIZES = ["small", "medium", "large"] as const;

const edge = (given: string): number | null => (given === "" || !Number.isFinite(Number(given)) ? null : Number(given));

/** "lo:hi" */
const span: Codec<Span> = {
  read: (given) => {
    const [lo, hi] = given.split(":").map(edge);
    return typeof lo === "number" && typeof hi === "number" && lo < hi ? [lo, hi] : undefined;
  },
  write: ([lo, hi]) => `${lo}:${hi}`,
};

/** Ends of the y-axis that the reader fixed; null: as the data have it. */
export type Ends = readonly [lo: number | null, hi: number | null];

const ends: Codec<Ends> = {
  read: (given) => {
    const [lo = null, hi = null] = given.split(":").map(edge);
    return [lo, hi];
  },
  write: ([lo, hi]) => `${lo ?? ""}:${hi ?? ""}`,
};

export const find = param("find", text, "");
export const xAxis = param<XAxis>("x", text, "step");
export const zoom = param<Span | null>("zoom", maybe(span), null);
/** METHOD:AMOUNT, as the server understands it. */
export const smoothing = param<string | null>("smooth", maybe(text), null);
export const center = param<(typeof CENTERS)[number]>("center", oneOf(...CENTERS), "auto");
export const band = param<(typeof BANDS)[number]>("band", oneOf(...BANDS), "auto");
export const lines = param<"groups" | "seeds">("lines", oneOf("groups", "seeds"), "groups");
export const logX = param("logx", flag, false);
export const logY = param("logy", flag, false);
export const outliers = param<"all" | "ignore">("outliers", oneOf("all", "ignore"), "all");
export const yEnds = param<Ends>("y", ends, [null, null]);
export const size = param<(typeof SIZES)[number]>("size", oneOf(...SIZES), "medium");
/** Metrics whose charts stand on top. */
export const pinned = param<readonly string[]>("pin", list, []);
/** Charts of several metrics, as `specOf` writes them. */
export const combined = param<readonly string[]>("chart", list, []);
export const folded = param<readonly string[]>("fold", list, []);
/** The metric whose chart is as large as the page. */
export const enlarged = param<string | null>("big", maybe(text), null);
/** Ids of the lines that are left when the others are hidden; empty: nothing is hidden. */
export const isolated = param<readonly string[]>("only", list, []);

/** A window that is looked at while it moves; the address and the server learn of it when it rests. */
export const glance = signal<Span | null>(null);

/** What all charts show, where it is not everything. */
export const shownWindow = computed(() => glance.value ?? zoom.value);

/** From the first to the last x of all that was drawn without zoom. */
export const extent = signal<Span | null>(null);

export function setAxis(x: XAxis): void {
  zoom.value = null;
  glance.value = null;
  extent.value = null;
  // Its sigma is in units of x
  if (smoothing.value?.startsWith("gaussian")) smoothing.value = DEFAULT_SMOOTHING;
  xAxis.value = x;
}

export const DEFAULT_SMOOTHING = "twema:0.9";

/** In a chart's spec "|" stands between metrics. */
export function specOf(metrics: readonly string[]): string {
  return metrics.map((name) => name.replaceAll("%", "%25").replaceAll("|", "%7C")).join("|");
}

export function metricsOf(spec: string): string[] {
  return spec.split("|").map((name) => name.replaceAll("%7C", "|").replaceAll("%25", "%"));
}

/** The metrics that are drawn into the chart of `metric`, itself first. */
export function drawnWith(metric: string): string[] {
  return combined.value.map(metricsOf).find(([first]) => first === metric) ?? [metric];
}

export function combine(metric: string, others: readonly string[]): void {
  const kept = combined.value.filter((spec) => metricsOf(spec)[0] !== metric);
  combined.value = others.length > 0 ? [...kept, specOf([metric, ...others])] : kept;
}

/** The list with `value` in it, or without it. */
export function having(values: readonly string[], value: string, there: boolean): string[] {
  const others = values.filter((one) => one !== value);
  return there ? [...others, value] : others;
}
