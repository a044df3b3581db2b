// What a run is and how it is doing, above the tabs.
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { addressOf, go } from "../../address";
import { count, duration, moment, short } from "../../format";
import { bySeed, Mark } from "../../groups/marks";
import { chooseOnly, groupOfRun, session } from "../../groups/state";
import { Link } from "../../link";
import type { RunInfo } from "../../types";
import { Delete, Note, Tags } from "./notes";
import { type Details, opened, type Summary } from "./state";

const now = signal(Date.now() / 1000);

/** Runs of the same group in the order of their seeds. */
export function siblings(key: string): RunInfo[] {
  return bySeed(groupOfRun.value.get(key)?.runs ?? []);
}

export function neighbour(key: string, by: 1 | -1): RunInfo | undefined {
  const runs = siblings(key);
  return runs[runs.findIndex((run) => run.key === key) + by];
}

export function goBy(by: 1 | -1): void {
  const key = opened.peek();
  const next = key === null ? undefined : neighbour(key, by);
  if (next) go("run", { run: next.key });
}

function seedOf(run: RunInfo | undefined): string {
  return run?.seed === null || run?.seed === undefined ? (run?.name ?? "") : `seed ${String(run.seed)}`;
}

function Neighbour({ run, by }: { run: string; by: 1 | -1 }) {
  const next = neighbour(run, by);
  const words = `${by < 0 ? "previous" : "next"} run of the group`;
  if (!next) return null;
  return (
    <button type="button" class="button" onClick={() => goBy(by)} title={`${words} (${by < 0 ? "[" : "]"})`} aria-label={`${words}: ${seedOf(next)}`}>
      {by < 0 ? `‹ ${seedOf(next)}` : `${seedOf(next)} ›`}
    </button>
  );
}

export function Head({ run, metrics }: { run: Details; metrics: readonly Summary[] | null }) {
  const live = run.status === "running";
  useEffect(() => {
    if (!live) return;
    const timer = setInterval(() => (now.value = Date.now() / 1000), 1000);
    return () => clearInterval(timer);
  }, [live]);
  const group = groupOfRun.value.get(run.key);
  const mine = group?.runs.find(({ key }) => key === run.key);
  const lasted = Math.max(0, (run.ended ?? Math.max(now.value, Date.now() / 1000)) - run.started);
  const steps = (metrics ?? []).reduce((most, { last_step }) => Math.max(most, last_step ?? -Infinity), -Infinity);
  const losers = run.writers.filter(({ lost }) => lost > 0);
  const facts: [string, string, string][] = [
    ["project", run.project, ""],
    ["started", moment(run.started), ""],
    ["duration", duration(lasted), live ? "until now" : `ended ${moment(run.ended ?? run.started)}`],
    ["steps", Number.isFinite(steps) ? count(steps) : "–", "the largest step of any metric"],
    ["steps/s", Number.isFinite(steps) && lasted > 0 ? short(steps / lasted) : "–", "the largest step over the duration"],
    ["points", count(run.points), "recorded values of all metrics"],
  ];
  return (
    <header class="head" data-run={run.key} data-status={run.status}>
      <div class="title">
        <h2 title={run.key}>{run.name}</h2>
        {mine && mine.seed !== null && mine.seed !== undefined && <span class="quiet">{seedOf(mine)}</span>}
        <span class={`status ${run.status}`}>
          <Mark status={run.status} />
          {run.status}
        </span>
        <span class="moves">
          <Neighbour run={run.key} by={-1} />
          <Neighbour run={run.key} by={1} />
          {group && (
            <Link
              class="button"
              href={addressOf("curves", { pick: group.id })}
              title={group.name}
              open={() => {
                chooseOnly([group.id]);
                go("curves");
              }}
            >
              {`its group in Curves (${group.runs.length})`}
            </Link>
          )}
          {session.value.writable && <Delete run={run} />}
        </span>
      </div>
      {run.error && (
        <div class="error" role="alert">
          <b>{run.status === "failed" ? "It failed: " : "Problem: "}</b>
          <pre>{run.error}</pre>
        </div>
      )}
      {run.lost > 0 && (
        <p class="rows-lost" role="alert">
          <b>{`${count(run.lost)} ${run.lost === 1 ? "row" : "rows"} could not be recorded`}</b>
          {losers.length > 0 && ` (${losers.map((writer) => `${count(writer.lost)} of writer ${writer.name}`).join(", ")}). What is shown is what was recorded.`}
        </p>
      )}
      <dl class="facts">
        {facts.map(([name, value, meaning]) => (
          <div key={name} title={meaning}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
        <Tags run={run} />
      </dl>
      <Note run={run} />
    </header>
  );
}
