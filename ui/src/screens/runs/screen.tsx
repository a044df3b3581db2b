// Every group of runs in a table: what varies between them, how they score, how their runs are doing.
import { effect } from "@preact/signals";
import { screen } from "../../address";
import { ownColumns, STATISTICS, statistic } from "../../groups/columns";
import { FilterBox } from "../../groups/filter_box";
import { headlineOf } from "../../groups/headline";
import { answer, chosen, groups, hidden, problem } from "../../groups/state";
import { Actions } from "./actions";
import { ColumnChooser } from "./column_chooser";
import "./runs.css";
import { showSetting } from "./columns";
import { Table } from "./table";

const MOST_SETTINGS = 6;

/** What the table shows unless somebody chose: settings that vary, the metric of most interest, and the effort. */
effect(() => {
  if (screen.value !== "runs") return;
  const { keys, metrics, groups: every } = answer.value;
  const held = (key: string) => every.reduce((n, group) => n + Number(key in group.config), 0);
  const settings = [...keys].sort((a, b) => held(b) - held(a)).slice(0, MOST_SETTINGS).sort();
  const headline = headlineOf(metrics);
  const next = [
    ...settings.map((key) => `config.${key}`),
    ...(headline === undefined ? [] : [`spark:${headline}`, `last:${headline}`]),
    ...["steps", "speed", "duration", "started"],
  ];
  if (next.join("\n") !== ownColumns.peek().join("\n")) ownColumns.value = next;
});

const STATISTIC_NAMES = { auto: "by policy", mean: "mean", median: "median", iqm: "IQM" } as const;

function Counts() {
  const { total, pending, groups: every } = answer.value;
  const runs = every.reduce((n, group) => n + group.runs.length, 0);
  return (
    <span class="quiet counts" role="status">
      {`${groups.value.length} ${groups.value.length === 1 ? "group" : "groups"}, ${runs === total ? runs : `${runs} of ${total}`} ${total === 1 ? "run" : "runs"}`}
      {pending > 0 && ` · reading ${pending} more …`}
    </span>
  );
}

function Shared() {
  const settings = Object.entries(answer.value.shared);
  if (settings.length === 0) return null;
  return (
    <details class="shared">
      <summary>{`the same in all: ${settings.length} ${settings.length === 1 ? "setting" : "settings"}`}</summary>
      <dl>
        {settings.map(([key, value]) => (
          <div key={key}>
            <dt>{key}</dt>
            <dd>{showSetting(value)}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}

export function RunsScreen() {
  return (
    <main class="runs" aria-label="Runs">
      <div class="toolbar" role="toolbar" aria-label="Table">
        <FilterBox />
        <label class="field">
          over seeds
          <select
            value={statistic.value}
            onChange={(event) => {
              statistic.value = STATISTICS.find((one) => one === event.currentTarget.value) ?? "auto";
            }}
          >
            {STATISTICS.map((one) => (
              <option key={one} value={one}>
                {STATISTIC_NAMES[one]}
              </option>
            ))}
          </select>
        </label>
        <ColumnChooser />
        <Actions />
        <Counts />
        {hidden.value.length > 0 && (
          <button type="button" class="link" onClick={() => (hidden.value = [])}>
            {`show ${hidden.value.length} hidden`}
          </button>
        )}
      </div>
      {groups.value.length > 0 ? <Table /> : !problem.value && <p class="hint">No run matches.</p>}
      <footer class="under">
        <Shared />
        <span class="quiet">{`${chosen.value.length} drawn`}</span>
      </footer>
    </main>
  );
}
