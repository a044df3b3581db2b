// The list of groups beside the charts: what is drawn, in which colour, and how its runs are doing.
import { computed, signal } from "@preact/signals";
import { duration, moment, roughly } from "../format";
import { go } from "../address";
import { inkOf } from "../palette";
import type { Group } from "../types";
import { VirtualList } from "../virtual";
import { FilterBox } from "./filter_box";
import { Marks } from "./marks";
import { answer, choose, chooseOnly, chosen, chosenSet, groups, hidden, problem } from "./state";

const ROW = 44; // CSS pixels, as style.css has it
/** Groups that one click draws at most. */
const MOST_AT_ONCE = 50;

const now = signal(Date.now() / 1000);
setInterval(() => (now.value = Date.now() / 1000), 5000);

interface Heading {
  project: string;
  groups: Group[];
}

/** Projects in the order of their newest run, each followed by its groups. */
const rows = computed<(Heading | Group)[]>(() => {
  const projects = new Map<string, Heading>();
  for (const group of groups.value) {
    const heading = projects.get(group.project);
    if (heading) heading.groups.push(group);
    else projects.set(group.project, { project: group.project, groups: [group] });
  }
  return [...projects.values()].flatMap((heading) => [heading, ...heading.groups]);
});

function age(group: Group): string {
  const newest = group.runs[0];
  if (!newest) return "";
  const running = group.runs.find((run) => run.status === "running");
  if (running) return duration(now.value - running.started);
  const ago = now.value - (newest.ended ?? newest.started);
  return ago < 60 ? "just now" : `${roughly(ago)} ago`;
}

function about(group: Group): string {
  const newest = group.runs[0];
  const settings = Object.entries(group.config).map(([key, value]) => `${key} = ${JSON.stringify(value)}`);
  return [group.name, newest ? `newest run started ${moment(newest.started)}` : "", ...settings].filter(Boolean).join("\n");
}

function Row({ group }: { group: Group }) {
  const drawn = chosenSet.value.has(group.id);
  const ink = inkOf(group.id);
  const lost = group.runs.reduce((sum, run) => sum + run.lost, 0);
  const first = group.runs[0];
  return (
    <li class="group" data-group={group.id} data-name={group.name} data-runs={group.runs.map((run) => run.key).join(" ")}>
      <label title={about(group)}>
        <input
          type="checkbox"
          class={ink.dashed && drawn ? "draw dashed" : "draw"}
          style={drawn ? { color: ink.color } : undefined}
          checked={drawn}
          onChange={() => choose([group.id], !drawn)}
          aria-label={`draw ${group.name}`}
        />
        <span class="name">{group.name}</span>
      </label>
      <span class="about">
        <Marks runs={group.runs} />
        {lost > 0 && <span class="lost">{`${lost} ${lost === 1 ? "row" : "rows"} lost`}</span>}
        <span class="age">{age(group)}</span>
      </span>
      <span class="actions">
        <button type="button" onClick={() => chooseOnly([group.id])} aria-label={`draw only ${group.name}`}>
          only
        </button>
        {first && (
          <button type="button" onClick={() => go("run", { run: first.key })} aria-label={`open ${group.name}`}>
            open
          </button>
        )}
      </span>
    </li>
  );
}

function ProjectRow({ heading }: { heading: Heading }) {
  const ids = heading.groups.map((group) => group.id);
  const newest = ids.slice(0, MOST_AT_ONCE);
  const drawn = newest.every((id) => chosenSet.value.has(id));
  const offer = ids.length > MOST_AT_ONCE ? `draw newest ${MOST_AT_ONCE}` : "draw all";
  return (
    <li class="project">
      <h2>
        <span class="name" title={heading.project}>
          {heading.project}
        </span>
        <span class="quiet">{ids.length}</span>
        <button type="button" class="link" onClick={() => choose(drawn ? ids : newest, !drawn)}>
          {drawn ? "draw none" : offer}
        </button>
      </h2>
    </li>
  );
}

export function Sidebar() {
  const shown = rows.value;
  return (
    <aside aria-label="Groups of runs">
      <header>
        <FilterBox />
        <span class="quiet counts">{`${chosen.value.length} of ${groups.value.length} groups drawn`}</span>
        {hidden.value.length > 0 && (
          <button type="button" class="link" onClick={() => (hidden.value = [])}>
            {`show ${hidden.value.length} hidden`}
          </button>
        )}
      </header>
      <VirtualList
        class="list"
        label="Groups"
        count={shown.length}
        height={ROW}
        row={(index) => {
          const row = shown[index];
          if (!row) return null;
          return "groups" in row ? <ProjectRow key={`project ${row.project}`} heading={row} /> : <Row key={row.id} group={row} />;
        }}
      />
      {!problem.value && answer.value.groups.length === 0 && <p class="hint">No run matches.</p>}
    </aside>
  );
}
