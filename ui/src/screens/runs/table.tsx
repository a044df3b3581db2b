// The table itself: only the rows in sight exist.
import { computed, signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { go, list, param, text } from "../../address";
import { columns as chosenSpecs } from "../../groups/columns";
import { bySeed, Mark, Marks } from "../../groups/marks";
import { answer, choose, chosenSet, groups } from "../../groups/state";
import { duration, moment, naturally, short } from "../../format";
import { type Key, useKeys } from "../../keys";
import { inkOf } from "../../palette";
import type { Group, RunInfo } from "../../types";
import { useRowsInSight } from "../../virtual";
import { type Column, columnOf } from "./columns";

const ROW = 34; // CSS pixels, as runs.css has it
const HEAD = 44;
const NAME_WIDTH = 250;
const RUNS_WIDTH = 118;
/** Groups that the box in the head draws at most. */
const MOST_AT_ONCE = 50;

/** The column that the table is sorted by; "-" before it: largest first. Empty: newest first. */
export const sort = param("sort", text, "");
/** Groups whose runs have rows of their own. */
export const opened = param<readonly string[]>("open", list, []);

const cursor = signal<string | null>(null);

const NAME: Omit<Column, "cell"> = {
  spec: "name",
  title: "group",
  kind: "",
  meaning: "runs that differ only in their seed",
  width: NAME_WIDTH,
  numeric: false,
  order: (group) => group.name,
};
const RUNS: Omit<Column, "cell"> = { ...NAME, spec: "runs", title: "seeds", meaning: "its runs and how they are doing", width: RUNS_WIDTH, order: (group) => group.runs.length };

type Row = { group: Group; run: RunInfo | null };

function compare(a: number | string | null, b: number | string | null): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  if (typeof a === "number" && typeof b === "number") return a - b;
  return naturally(String(a), String(b));
}

const shownColumns = computed(() => {
  void answer.value; // what a column shows depends on what the runs hold
  return chosenSpecs.value.map(columnOf).filter((column) => column !== null);
});

const rows = computed<Row[]>(() => {
  const spec = sort.value.replace(/^-/, "");
  const column = spec === "" ? null : [NAME, RUNS, ...shownColumns.value].find((one) => one.spec === spec) ?? columnOf(spec);
  let ordered = groups.value;
  if (column) {
    const sign = sort.value.startsWith("-") ? -1 : 1;
    const keyed = ordered.map((group) => ({ group, key: column.order(group) }));
    keyed.sort((a, b) => compare(a.key, b.key) * (a.key === null || b.key === null ? 1 : sign));
    ordered = keyed.map(({ group }) => group);
  }
  const open = new Set(opened.value);
  return ordered.flatMap((group) => [{ group, run: null }, ...(open.has(group.id) ? bySeed(group.runs).map((run) => ({ group, run })) : [])]);
});

function sortBy(spec: string): void {
  sort.value = sort.value === `-${spec}` ? spec : sort.value === spec ? "" : `-${spec}`;
}

function Head({ column }: { column: Omit<Column, "cell"> }) {
  const sorted = sort.value === column.spec ? "ascending" : sort.value === `-${column.spec}` ? "descending" : undefined;
  return (
    <th scope="col" aria-sort={sorted} class={column.numeric ? "numeric" : undefined} title={column.meaning}>
      <button type="button" onClick={() => sortBy(column.spec)}>
        <span class="kind">{column.kind}</span>
        <span class="title">
          {column.title}
          {sorted && <span aria-hidden="true">{sorted === "ascending" ? " ↑" : " ↓"}</span>}
        </span>
      </button>
    </th>
  );
}

function toggleOpen(id: string): void {
  opened.value = opened.value.includes(id) ? opened.value.filter((one) => one !== id) : [...opened.value, id];
}

function DrawBox({ id, name }: { id: string; name: string }) {
  const drawn = chosenSet.value.has(id);
  const ink = inkOf(id);
  return (
    <input
      type="checkbox"
      class={ink.dashed && drawn ? "draw dashed" : "draw"}
      style={drawn ? { color: ink.color } : undefined}
      checked={drawn}
      onChange={() => choose([id], !drawn)}
      aria-label={`draw ${name}`}
    />
  );
}

function GroupRow({ group, columns, index }: { group: Group; columns: readonly Column[]; index: number }) {
  const open = opened.value.includes(group.id);
  const first = group.runs[0];
  return (
    <tr
      data-group={group.id}
      data-name={group.name}
      class={cursor.value === group.id ? "cursor" : undefined}
      aria-rowindex={index + 2}
      aria-selected={chosenSet.value.has(group.id)}
    >
      <th scope="row">
        <span class="who">
          <DrawBox id={group.id} name={group.name} />
          <button
            type="button"
            class="fold"
            aria-expanded={open}
            aria-label={`runs of ${group.name}`}
            onClick={() => toggleOpen(group.id)}
          >
            <span class="arrow" aria-hidden="true" />
          </button>
          <button type="button" class="name" title={group.name} onClick={() => first && go("run", { run: first.key })}>
            {group.name}
          </button>
        </span>
      </th>
      <td>
        <Marks runs={group.runs} />
      </td>
      {columns.map((column) => (
        <td key={column.spec} data-column={column.spec} class={column.numeric ? "numeric" : undefined}>
          {column.cell(group)}
        </td>
      ))}
      <td />
    </tr>
  );
}

function RunRow({ group, run, columns, index }: { group: Group; run: RunInfo; columns: readonly Column[]; index: number }) {
  const seed = run.seed === null || run.seed === undefined ? run.id : `seed ${String(run.seed)}`;
  const told = `${run.status}${run.error ? `: ${run.error}` : ""}`;
  return (
    <tr data-run={run.key} data-status={run.status} class={cursor.value === run.key ? "seed cursor" : "seed"} aria-rowindex={index + 2}>
      <th scope="row">
        <span class="who">
          <DrawBox id={run.key} name={`${group.name}, ${seed}`} />
          <button type="button" class="name" title={run.key} onClick={() => go("run", { run: run.key })}>
            {seed}
          </button>
        </span>
      </th>
      <td colSpan={columns.length + 1}>
        <span class="of-run">
          <Mark status={run.status} />
          <span class={run.error ? "bad" : undefined} title={told}>
            {told}
          </span>
          <span class="quiet">{`${run.name} · started ${moment(run.started)} · ${duration((run.ended ?? Date.now() / 1000) - run.started)} · ${short(run.points)} points`}</span>
          {run.lost > 0 && <span class="lost">{`${run.lost} rows lost`}</span>}
        </span>
      </td>
      <td />
    </tr>
  );
}

const idOf = ({ group, run }: Row) => run?.key ?? group.id;

export function Table() {
  const columns = shownColumns.value;
  const all = rows.value;
  const { box, first, end } = useRowsInSight(all.length, ROW, HEAD);
  const ids = useMemo(() => groups.value.slice(0, MOST_AT_ONCE).map((group) => group.id), [groups.value]);
  const allDrawn = ids.every((id) => chosenSet.value.has(id));

  const keys = useMemo<readonly Key[]>(() => {
    const at = () => rows.value.findIndex((row) => idOf(row) === cursor.value);
    const move = (by: number) => {
      const next = Math.max(0, Math.min(rows.value.length - 1, at() + by));
      const row = rows.value[next];
      if (row) cursor.value = idOf(row);
      const top = HEAD + next * ROW;
      const element = box.current;
      if (!element) return;
      if (top < element.scrollTop + HEAD) element.scrollTop = top - HEAD;
      if (top + ROW > element.scrollTop + element.clientHeight) element.scrollTop = top + ROW - element.clientHeight;
    };
    const here = (act: (row: Row) => void) => () => {
      const row = rows.value[at()];
      if (row) act(row);
    };
    return [
      { key: "j", does: "next row", run: () => move(1) },
      { key: "k", does: "row before", run: () => move(-1) },
      { key: "x", does: "draw the row, or not", run: here((row) => choose([idOf(row)], !chosenSet.value.has(idOf(row)))) },
      { key: "e", does: "show the runs of the group", run: here((row) => toggleOpen(row.group.id)) },
      { key: "o", does: "open the run", run: here((row) => go("run", { run: (row.run ?? row.group.runs[0])?.key ?? "" })) },
    ];
  }, []);
  useKeys(keys);
  useEffect(() => () => void (cursor.value = null), []);

  return (
    <div class="table" ref={box} tabIndex={0} role="region" aria-label="Groups of runs">
      <table aria-rowcount={all.length + 1}>
        <colgroup>
          <col width={NAME_WIDTH} />
          <col width={RUNS_WIDTH} />
          {columns.map((column) => (
            <col key={column.spec} width={column.width} />
          ))}
          <col />
        </colgroup>
        <thead>
          <tr aria-rowindex={1}>
            <th scope="col" aria-sort={sort.value.endsWith("name") ? (sort.value === "name" ? "ascending" : "descending") : undefined}>
              <span class="who">
                <input
                  type="checkbox"
                  class="draw"
                  checked={allDrawn}
                  onChange={() => choose(ids, !allDrawn)}
                  aria-label={`draw the newest ${ids.length}`}
                />
                <button type="button" title={NAME.meaning} onClick={() => sortBy("name")}>
                  {`group${sort.value === "name" ? " ↑" : sort.value === "-name" ? " ↓" : ""}`}
                </button>
              </span>
            </th>
            <Head column={RUNS} />
            {columns.map((column) => (
              <Head key={column.spec} column={column} />
            ))}
            <th />
          </tr>
        </thead>
        <tbody>
          {first > 0 && <tr aria-hidden="true" style={{ height: `${first * ROW}px` }} />}
          {all.slice(first, end).map(({ group, run }, i) =>
            run ? (
              <RunRow key={`${group.id} ${run.key}`} group={group} run={run} columns={columns} index={first + i} />
            ) : (
              <GroupRow key={group.id} group={group} columns={columns} index={first + i} />
            ),
          )}
          {end < all.length && <tr aria-hidden="true" style={{ height: `${(all.length - end) * ROW}px` }} />}
        </tbody>
      </table>
    </div>
  );
}
