// Which metrics the chosen lines have, and the charts that are shown of them.
import { computed, effect, signal } from "@preact/signals";
import { jsonResource, lineParams, Refused } from "../../api";
import { coalesce } from "../../coalesce";
import { IS_RETURN } from "../../groups/headline";
import { chosen, chosenRuns, groupingParams } from "../../groups/state";
import { onPoke } from "../../live";
import type { Metric } from "../../types";
import { drawnWith, find, pinned } from "./settings";

const REFRESH_MS = 1000;
const HEADLINE_TITLE = "returns and rewards";
const PINNED_TITLE = "pinned";

export const metrics = signal<readonly Metric[] | null>(null);
export const metricsProblem = signal<string | null>(null);

export interface Section {
  title: string;
  /** The first metric of each chart. */
  metrics: string[];
}

function titleOf(name: string): string {
  if (IS_RETURN.test(name)) return HEADLINE_TITLE;
  const cut = name.indexOf("/");
  return cut > 0 ? name.slice(0, cut) : "other metrics";
}

export const sections = computed<readonly Section[]>(() => {
  const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
  const known = new Set((metrics.value ?? []).map(({ name }) => name));
  const found = new Map<string, string[]>([
    [PINNED_TITLE, []],
    [HEADLINE_TITLE, []],
  ]);
  const add = (title: string, name: string) => {
    const searched = drawnWith(name).join(" ").toLowerCase();
    if (!words.every((word) => searched.includes(word))) return;
    const section = found.get(title);
    if (section) section.push(name);
    else found.set(title, [name]);
  };
  const top = new Set(pinned.value);
  for (const name of pinned.value) if (known.has(name)) add(PINNED_TITLE, name);
  for (const name of known) if (!top.has(name)) add(titleOf(name), name);
  return [...found].filter(([, names]) => names.length > 0).map(([title, names]) => ({ title, metrics: names }));
});

const url = computed(() => `api/metrics?${new URLSearchParams([...lineParams(chosen.value), ...groupingParams()])}`);

/** Keeps `metrics` up to date until the returned function is called. */
export function followMetrics(): () => void {
  const source = jsonResource<{ metrics: Metric[] }>();
  let over = false;
  const refresh = coalesce(async () => {
    const asked = url.peek();
    if (over || chosen.peek().length === 0) return;
    try {
      const told = await source.get(asked);
      if (asked !== url.peek()) return refresh(true);
      if (told && JSON.stringify(told.metrics) !== JSON.stringify(metrics.peek())) metrics.value = told.metrics;
      metricsProblem.value = null;
    } catch (error) {
      source.forget();
      if (error instanceof Refused) metricsProblem.value = error.message;
      else setTimeout(refresh, 2 * REFRESH_MS);
    }
  }, REFRESH_MS);
  const stop = effect(() => {
    void url.value;
    refresh(true);
  });
  const hangUp = onPoke((poke) => {
    if (poke === null || poke.size === 0 || [...poke].some((key) => chosenRuns.peek().has(key))) refresh();
  });
  return () => {
    over = true;
    stop();
    hangUp();
  };
}
