// What the address says of the run screen, and what the server says of a run.
import { computed, signal } from "@preact/signals";
import { maybe, number, oneOf, param, text } from "../../address";
import type { RunInfo, Span, Status, XAxis } from "../../types";
import { setAxis as setAxisOfAll, xAxis } from "../curves/settings";

export const TABS = ["overview", "metrics", "episodes", "config", "system", "text", "files"] as const;
export type Tab = (typeof TABS)[number];

const none: string | null = null;

/** The key of the run. */
export const opened = param("run", maybe(text), none);
export const tab = param<Tab>("tab", oneOf(...TABS), "overview");
/** The place on the curve that is looked at, in the units of the x-axis. */
export const at = param("at", maybe(number), null as number | null);
/** The run, or the group, that the settings are held against. */
export const against = param("with", maybe(text), none);
/** The metric of the curve; null: the one of most interest. */
export const headline = param("rmetric", maybe(text), none);
/** The metric of the heat map. */
export const spread = param("emetric", maybe(text), none);
/** The window of the curve and the heat map: "axis:lo:hi", of no meaning for another axis. */
const window = param("rzoom", maybe(text), none);

export const zoom = computed<Span | null>(() => {
  const cut = window.value?.split(":") ?? [];
  const [lo, hi] = cut.slice(-2).map(Number);
  const mine = cut.slice(0, -2).join(":") === xAxis.value;
  return mine && lo !== undefined && hi !== undefined && lo < hi ? [lo, hi] : null;
});

export function setZoom(span: Span | null): void {
  window.value = span && `${xAxis.value}:${Number(span[0].toPrecision(8))}:${Number(span[1].toPrecision(8))}`;
}

export function setAxis(x: XAxis): void {
  setZoom(null);
  at.value = null;
  setAxisOfAll(x);
}

export interface Summary {
  metric: string;
  points: number;
  nonfinite: number;
  first_step: number | null;
  last_step: number | null;
  /** As text where it is NaN or infinite. */
  last: number | string | null;
  min: number | null;
  mean: number | null;
  max: number | null;
}

export interface Happening {
  step: number | null;
  time: number;
  name: string;
  kind: string;
  text: string | null;
  /** How many characters of the text the server left out. */
  cut: number;
  file: string | null;
}

export interface Writer {
  name: string;
  status: Status;
  frames: number;
  points: number;
  lost: number;
  problem: string | null;
}

export interface Details extends RunInfo {
  project: string;
  config: Record<string, unknown>;
  environment: Record<string, unknown>;
  writers: Writer[];
  /** The newest, oldest first. */
  events: Happening[];
  /** How many there are in all. */
  texts: number;
  media: number;
  files: { name: string; size: number; shown: boolean }[];
  file_count: number;
}

/** Nested settings by dotted keys. */
export function flat(value: unknown, prefix = "", found: [string, unknown][] = []): [string, unknown][] {
  if (value !== null && typeof value === "object" && !Array.isArray(value) && (!prefix || Object.keys(value).length > 0)) {
    for (const [key, inner] of Object.entries(value)) flat(inner, prefix ? `${prefix}.${key}` : key, found);
  } else found.push([prefix, value]);
  return found;
}

export function show(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}

/** Where a file of the run's media is to be had. */
export function mediaUrl(key: string, file: string): string {
  return `api/media/${[...key.split("/"), file].map(encodeURIComponent).join("/")}`;
}

/** Grows when the reader changed a run: the answer is then asked for again. */
export const changed = signal(0);

/** The run that the reader deleted, and where it lies now. */
export const removed = signal<{ key: string; to: string } | null>(null);
