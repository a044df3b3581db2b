// The list of runs: which there are, how they fare, and which are drawn.
import { computed, signal } from "@preact/signals";
import { count, duration, moment, roughly } from "./format";
import { details, searchText } from "./names";
import { inkOf } from "./palette";
import { choose, chooseOnly, chosen, runs } from "./state";
import type { RunInfo } from "./types";

/** Rows shown at first, and runs that one click draws at most. */
const PAGE = 200;

const filter = signal("");
const shownRows = signal(PAGE);
const now = signal(Date.now() / 1000);
setInterval(() => (now.value = Date.now() / 1000), 5000);

const found = computed(() => {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return runs.value;
  return runs.value.filter((run) => {
    const text = searchText(run);
    return words.every((word) => text.includes(word));
  });
});

const drawnSet = computed(() => new Set(chosen.value));

interface Group {
  project: string;
  all: RunInfo[];
  /** Of `all`, how many have a row on this page of the list. */
  rows: number;
}

/** Projects in the order of their newest run. */
const projects = computed(() => {
  const groups = new Map<string, Group>();
  for (const run of found.value) {
    const group = groups.get(run.project) ?? { project: run.project, all: [], rows: 0 };
    group.all.push(run);
    groups.set(run.project, group);
  }
  let room = shownRows.value;
  for (const group of groups.values()) {
    group.rows = Math.min(room, group.all.length);
    room -= group.rows;
  }
  return [...groups.values()].filter((group) => group.rows > 0);
});

function age(run: RunInfo): string {
  if (run.status === "running") return duration(now.value - run.started);
  const ago = now.value - (run.ended ?? run.started);
  return ago < 60 ? "just now" : `${roughly(ago)} ago`;
}

function history(run: RunInfo): string {
  const started = `${run.key}\nstarted ${moment(run.started)}`;
  return run.ended === null ? started : `${started}\nran ${duration(run.ended - run.started)}`;
}

function Row({ run }: { run: RunInfo }) {
  const drawn = drawnSet.value.has(run.key);
  const ink = inkOf(run.key);
  const detail = details.value.get(run.key);
  const problem = run.status === "failed" && run.error ? run.error : undefined;
  return (
    <li data-run={run.key} data-status={run.status} title={problem}>
      <label>
        <input
          type="checkbox"
          class={ink.dashed && drawn ? "draw dashed" : "draw"}
          style={drawn ? { color: ink.color } : undefined}
          checked={drawn}
          onChange={() => choose([run.key], !drawn)}
          aria-label={`draw ${run.name} ${detail || run.id}`}
        />
        <span class="name" title={problem ?? history(run)}>
          {run.name}
        </span>
        <span class={`status ${run.status}`}>
          <span class="dot" aria-hidden="true" />
          {run.status}
        </span>
        <span class="about">
          <span class="detail" title={detail}>
            {detail || run.id}
          </span>
          <span class="age">{age(run)}</span>
        </span>
        {run.lost > 0 && <span class="lost">{`${count(run.lost)} ${run.lost === 1 ? "row" : "rows"} lost`}</span>}
      </label>
      <button type="button" class="only" onClick={() => chooseOnly([run.key])} aria-label={`draw only ${run.name} ${detail || run.id}`}>
        only
      </button>
    </li>
  );
}

function Project({ group }: { group: Group }) {
  const keys = group.all.map((run) => run.key);
  const newest = keys.slice(0, PAGE);
  const drawn = newest.every((key) => drawnSet.value.has(key));
  const offer = keys.length > PAGE ? `draw newest ${PAGE}` : "draw all";
  return (
    <section>
      <h2>
        <span class="name">{group.project}</span>
        <span class="quiet">{group.all.length}</span>
        <button type="button" class="link" onClick={() => choose(drawn ? keys : newest, !drawn)}>
          {drawn ? "hide all" : offer}
        </button>
      </h2>
      <ul>
        {group.all.slice(0, group.rows).map((run) => (
          <Row key={run.key} run={run} />
        ))}
      </ul>
    </section>
  );
}

export function Runs() {
  const rest = found.value.length - shownRows.value;
  return (
    <aside aria-label="Runs">
      <header>
        <h1>rolltape</h1>
        <span class="quiet">{`${chosen.value.length} of ${runs.value.length} drawn`}</span>
        <input
          type="search"
          aria-label="Filter runs by name, project, id or config"
          placeholder="Filter runs: name, lr=0.001 …"
          value={filter.value}
          onInput={(event) => {
            filter.value = event.currentTarget.value;
            shownRows.value = PAGE;
          }}
        />
      </header>
      <div class="list">
        {projects.value.map((group) => (
          <Project key={group.project} group={group} />
        ))}
        {found.value.length === 0 && runs.value.length > 0 && <p class="hint">No run matches.</p>}
        {rest > 0 && (
          <button type="button" class="link more" onClick={() => (shownRows.value += PAGE)}>
            {`show ${Math.min(rest, PAGE)} more of ${rest}`}
          </button>
        )}
      </div>
    </aside>
  );
}
