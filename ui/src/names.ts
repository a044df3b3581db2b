// What to call a run: its name, and what sets it apart from the others.
import { computed } from "@preact/signals";
import { chosen, runByKey, runs } from "./state";
import type { RunInfo } from "./types";

const MOST_DIFFERENCES = 3;

type Flat = ReadonlyMap<string, string>;

function flatten(config: Record<string, unknown>, prefix = "", into = new Map<string, string>()): Flat {
  for (const [name, value] of Object.entries(config)) {
    if (value !== null && typeof value === "object" && !Array.isArray(value)) {
      flatten(value as Record<string, unknown>, `${prefix}${name}.`, into);
    } else {
      into.set(prefix + name, typeof value === "string" ? value : JSON.stringify(value));
    }
  }
  return into;
}

const flatCache = new WeakMap<RunInfo, Flat>();

function flat(run: RunInfo): Flat {
  let config = flatCache.get(run);
  if (!config) flatCache.set(run, (config = flatten(run.config)));
  return config;
}

/** Config keys whose values are not the same in all of these runs; the seed last. */
function differing(group: readonly RunInfo[]): string[] {
  const values = new Map<string, Set<string>>();
  const holders = new Map<string, number>();
  for (const run of group) {
    for (const [name, value] of flat(run)) {
      let seen = values.get(name);
      if (!seen) values.set(name, (seen = new Set()));
      seen.add(value);
      holders.set(name, (holders.get(name) ?? 0) + 1);
    }
  }
  const names = [...values].filter(([name, seen]) => seen.size > 1 || holders.get(name) !== group.length);
  const isSeed = (name: string) => Number(/(^|[._])seed$/.test(name));
  return names.map(([name]) => name).sort((a, b) => isSeed(a) - isSeed(b));
}

function settings(run: RunInfo, names: readonly string[]): string {
  const seeds = names.slice(-1);
  const shown = names.length > MOST_DIFFERENCES ? [...names.slice(0, MOST_DIFFERENCES - 1), ...seeds] : names;
  const config = flat(run);
  return shown
    .filter((name) => config.has(name))
    .map((name) => `${name.slice(name.lastIndexOf(".") + 1)}=${config.get(name)}`)
    .join(" ");
}

function groupBy(list: readonly RunInfo[], keyOf: (run: RunInfo) => string): RunInfo[][] {
  const groups = new Map<string, RunInfo[]>();
  for (const run of list) {
    const group = groups.get(keyOf(run));
    if (group) group.push(run);
    else groups.set(keyOf(run), [run]);
  }
  return [...groups.values()];
}

/** For each run, the settings that differ within its project: the second line of the list. */
export const details = computed(() => {
  const result = new Map<string, string>();
  for (const group of groupBy(runs.value, (run) => run.project)) {
    const names = differing(group);
    for (const run of group) result.set(run.key, settings(run, names));
  }
  return result;
});

/** For each drawn run, a name that no other drawn run has; what they all have in common is left out. */
export const labels = computed(() => {
  const drawn = chosen.value.flatMap((key) => runByKey.value.get(key) ?? []);
  const projectsOf = new Map<string, Set<string>>();
  for (const run of drawn) projectsOf.set(run.name, (projectsOf.get(run.name) ?? new Set()).add(run.project));
  const result = new Map<string, string>();
  for (const group of groupBy(drawn, (run) => `${run.project}\n${run.name}`)) {
    const names = group.length > 1 ? differing(group) : [];
    const suffixes = group.map((run) => settings(run, names));
    group.forEach((run, i) => {
      const unique = suffixes.indexOf(suffixes[i] ?? "") === i && suffixes.lastIndexOf(suffixes[i] ?? "") === i;
      const projects = projectsOf.get(run.name)?.size ?? 0;
      const name = projects > 1 ? `${run.project}/${run.name}` : run.name;
      const parts = [projectsOf.size === 1 && projects === 1 && suffixes[i] ? "" : name, suffixes[i]];
      if (group.length > 1 && !unique) parts.push(run.id.slice(-6));
      result.set(run.key, parts.filter(Boolean).join(" "));
    });
  }
  return result;
});

/** Everything that the filter of the list looks at, in lower case. */
export function searchText(run: RunInfo): string {
  return [run.name, run.project, run.id, run.status, ...run.tags, ...[...flat(run)].map(([k, v]) => `${k}=${v}`)]
    .join(" ")
    .toLowerCase();
}
