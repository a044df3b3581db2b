// The groups of the store, which of them the reader looks at, and which are drawn.
import { computed, effect, signal } from "@preact/signals";
import { list, maybe, param, screen, text } from "../address";
import { jsonResource, Refused } from "../api";
import { coalesce } from "../coalesce";
import { onPoke } from "../live";
import type { Group, Groups, RunInfo, Session } from "../types";
import { statistic, wantedScores } from "./columns";
import { queryOf } from "./filter";

const DEFAULT_GROUPS = 10;
const REFRESH_MS = 1000;
/** How often the groups are asked for where only their marks and ages are seen. */
const ASIDE_MS = 3000;
const RETRY_MS = 2000;

/** Ids of groups and keys of runs that somebody chose; null: the newest groups of the newest project. */
export const picked = param<readonly string[] | null>("pick", maybe(list), null);
export const project = param("project", maybe(text), null as string | null);
/** What the reader typed to find runs: plain words, or a condition. */
export const filter = param("where", text, "");
/** Config keys that do not tell groups apart. */
export const ignored = param<readonly string[]>("ignore", list, []);
/** Config keys that hold seeds; empty: the usual ones. */
export const seedKeys = param<readonly string[]>("seedkey", list, []);
/** Groups that are left out of every screen. */
export const hidden = param<readonly string[]>("hide", list, []);

const EMPTY: Groups = {
  version: 0,
  pending: 0,
  total: 0,
  projects: [],
  metrics: [],
  keys: [],
  shared: {},
  unknown: [],
  methods: [],
  groups: [],
};

export const answer = signal<Groups>(EMPTY);
/** The scores that `values` of the present answer are of, in order. */
export const answered = signal<readonly string[]>([]);
export const loaded = signal(false);
/** Why the last request failed, where the server answered at all. */
export const problem = signal<string | null>(null);
export const session = signal<Session>({ writable: false, store: "", rolltape: "" });

const hiddenSet = computed(() => new Set(hidden.value));

/** Newest first, without those that are hidden. */
export const groups = computed<readonly Group[]>(() =>
  hiddenSet.value.size === 0 ? answer.value.groups : answer.value.groups.filter(({ id }) => !hiddenSet.value.has(id)),
);
export const groupById = computed(() => new Map(groups.value.map((group) => [group.id, group])));
export const groupOfRun = computed(() => {
  const found = new Map<string, Group>();
  for (const group of groups.value) for (const run of group.runs) found.set(run.key, group);
  return found;
});
export const runByKey = computed(() => {
  const found = new Map<string, RunInfo>();
  for (const group of groups.value) for (const run of group.runs) found.set(run.key, run);
  return found;
});

/** The project of the default view: the newest one when the page was opened. It does not change under the reader. */
const homeProject = signal<string | null>(null);

let lastChosen: readonly string[] = [];

/** Ids of the groups and keys of the runs that are drawn; the same array as long as they are the same. */
export const chosen = computed<readonly string[]>(() => {
  const wanted = picked.value;
  const ids = wanted
    ? wanted.filter((id) => (id.includes("/") ? groupOfRun.value.has(id) : groupById.value.has(id)))
    : groups.value
        .filter((group) => group.project === homeProject.value)
        .slice(0, DEFAULT_GROUPS)
        .map((group) => group.id);
  const same = ids.length === lastChosen.length && ids.every((id, i) => id === lastChosen[i]);
  if (!same) lastChosen = ids;
  return lastChosen;
});

export const chosenSet = computed<ReadonlySet<string>>(() => new Set(chosen.value));

/** Keys of all runs behind the chosen lines. */
export const chosenRuns = computed<ReadonlySet<string>>(() => {
  const keys = new Set<string>();
  for (const id of chosen.value) {
    const group = groupById.value.get(id);
    if (group) for (const run of group.runs) keys.add(run.key);
    else keys.add(id);
  }
  return keys;
});

/** Draws lines or takes them away; the choice is the reader's from then on. */
export function choose(ids: readonly string[], drawn: boolean): void {
  const changed = new Set(ids);
  const kept = chosen.value.filter((id) => !changed.has(id));
  picked.value = drawn ? [...kept, ...ids] : kept;
}

export function chooseOnly(ids: readonly string[]): void {
  picked.value = [...ids];
}

export function hide(ids: readonly string[]): void {
  hidden.value = [...new Set([...hidden.value, ...ids])];
}

/** What a line is called where there is no room to tell groups of several projects apart. */
export function nameOf(id: string): string {
  const group = groupById.value.get(id);
  if (group) return group.name;
  const run = runByKey.value.get(id);
  if (!run) return id;
  return run.seed === null || run.seed === undefined ? run.name : `${run.name} · seed ${String(run.seed)}`;
}

/** Parameters that say how runs are grouped; every question about groups carries them. */
export function groupingParams(): [string, string][] {
  return [
    ...ignored.value.map((key): [string, string] => ["ignore", key]),
    ...seedKeys.value.map((key): [string, string] => ["seed", key]),
  ];
}

const groupsUrl = computed(() => {
  const params = new URLSearchParams(groupingParams());
  if (project.value) params.set("project", project.value);
  for (const [name, value] of queryOf(filter.value)) params.set(name, value);
  // The other screens ask about metrics themselves
  if (screen.value !== "runs" && screen.value !== "sweep") params.set("brief", "1");
  if (screen.value === "runs" && wantedScores.value.length > 0) {
    for (const spec of wantedScores.value) params.append("value", spec);
    if (statistic.value !== "auto") params.set("stat", statistic.value);
  }
  return `api/groups?${params}`;
});

const source = jsonResource<Groups>();

/** Keeps the old object of a group that did not change, so that its row is not drawn again. */
function merge(fresh: Groups): Groups {
  const old = new Map(answer.peek().groups.map((group) => [group.id, group]));
  const kept = fresh.groups.map((group) => {
    const before = old.get(group.id);
    return before && JSON.stringify(before) === JSON.stringify(group) ? before : group;
  });
  return { ...fresh, groups: kept };
}

export const refreshGroups = coalesce(async () => {
  const url = groupsUrl.peek();
  try {
    const fresh = await source.get(url);
    if (url !== groupsUrl.peek()) return refreshGroups();
    if (fresh) {
      answered.value = new URLSearchParams(url.split("?")[1]).getAll("value");
      answer.value = merge(fresh);
    }
    problem.value = null;
    const known = answer.peek().groups;
    if (homeProject.peek() === null || !known.some((group) => group.project === homeProject.peek())) {
      homeProject.value = known[0]?.project ?? homeProject.peek();
    }
    loaded.value = true;
    if (answer.peek().pending > 0) {
      source.forget();
      refreshGroups();
    }
  } catch (error) {
    if (error instanceof Refused) {
      problem.value = error.message;
      loaded.value = true;
    } else setTimeout(refreshGroups, RETRY_MS);
  }
}, REFRESH_MS);

export function start(): void {
  void jsonResource<Session>()
    .get("api/session")
    .then((told) => told && (session.value = told))
    .catch(() => undefined);
  effect(() => {
    void groupsUrl.value;
    refreshGroups(true);
  });
  const refreshAside = coalesce(async () => refreshGroups(), ASIDE_MS);
  onPoke((keys) => {
    const known = runByKey.peek();
    const urgent = screen.peek() === "runs" || keys === null || [...keys].some((key) => !known.has(key));
    if (urgent) refreshGroups();
    else refreshAside();
  });
}
