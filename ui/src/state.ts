// The runs, the metrics, and which of them are drawn.
import { computed, effect, signal } from "@preact/signals";
import { metricsResource, metricsUrl, Refused, runsResource } from "./api";
import { coalesce } from "./coalesce";
import { onPoke } from "./live";
import type { Metric, RunInfo } from "./types";
import { picked } from "./view";

const DEFAULT_RUNS = 20;
const REFRESH_MS = 1000;
const RETRY_MS = 2000;

/** Newest first. */
export const runs = signal<readonly RunInfo[]>([]);
export const metrics = signal<readonly Metric[]>([]);
export const loaded = signal(false);
export const metricsLoaded = signal(false);
/** Why the last request failed, where the server answered at all. */
export const problem = signal<string | null>(null);

export const runByKey = computed(() => new Map(runs.value.map((run) => [run.key, run])));

/** The project of the default view: the newest one when the page was opened. It does not change under the reader. */
const homeProject = signal<string | null>(null);

let lastChosen: readonly string[] = [];

/** Keys of the runs that are drawn, newest first; the same array as long as they are the same runs. */
export const chosen = computed<readonly string[]>(() => {
  const wanted = picked.value && new Set(picked.value);
  const keys = wanted
    ? runs.value.filter((run) => wanted.has(run.key)).map((run) => run.key)
    : runs.value
        .filter((run) => run.project === homeProject.value)
        .slice(0, DEFAULT_RUNS)
        .map((run) => run.key);
  const same = keys.length === lastChosen.length && keys.every((key, i) => key === lastChosen[i]);
  if (!same) lastChosen = keys;
  return lastChosen;
});

/** Draws or hides runs; the choice is the reader's from then on. */
export function choose(keys: readonly string[], drawn: boolean): void {
  const next = new Set(chosen.value);
  for (const key of keys) {
    if (drawn) next.add(key);
    else next.delete(key);
  }
  picked.value = [...next];
}

export function chooseOnly(keys: readonly string[]): void {
  picked.value = [...keys];
}

const runsSource = runsResource();
const metricsSource = metricsResource();

/** Keeps the old object of a run that did not change. */
function merge(fresh: RunInfo[]): RunInfo[] {
  const old = runByKey.peek();
  return fresh.map((run) => {
    const before = old.get(run.key);
    return before && JSON.stringify(before) === JSON.stringify(run) ? before : run;
  });
}

export const refreshRuns = coalesce(
  attempt(async () => {
    const fresh = await runsSource.get("api/runs");
    if (fresh) runs.value = merge(fresh);
    if (homeProject.value === null || !runs.value.some((run) => run.project === homeProject.value)) {
      homeProject.value = runs.value[0]?.project ?? null;
    }
    loaded.value = true;
  }, () => refreshRuns()),
  REFRESH_MS,
);

const refreshMetrics = coalesce(
  attempt(async () => {
    const keys = chosen.value;
    const fresh = keys.length ? await metricsSource.get(metricsUrl(keys)) : [];
    if (keys !== chosen.value) {
      metricsSource.forget();
      return refreshMetrics();
    }
    if (fresh) metrics.value = fresh;
    metricsLoaded.value = true;
  }, () => refreshMetrics()),
  REFRESH_MS / 10,
);

/** New metrics are rare: news of points asks for them less often than a new choice of runs does. */
const pokeMetrics = coalesce(async () => refreshMetrics(), REFRESH_MS);

/** Runs `task`; where it fails, says why and tries again a little later. */
function attempt(task: () => Promise<void>, again: () => void): () => Promise<void> {
  return async () => {
    try {
      await task();
      problem.value = null;
    } catch (error) {
      if (error instanceof Refused) {
        problem.value = error.message;
        if (error.status === 404) refreshRuns();
      }
      setTimeout(again, RETRY_MS);
    }
  };
}

export function start(): void {
  refreshRuns();
  effect(() => {
    void chosen.value;
    if (loaded.value) refreshMetrics();
  });
  onPoke((poke) => {
    refreshRuns();
    if (poke === null || chosen.value.some((key) => poke.has(key))) pokeMetrics();
  });
}
