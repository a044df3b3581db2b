// The runs of a group as small marks, a shape for each status: nothing is told by colour alone.
import { naturally } from "../format";
import type { RunInfo, Status } from "../types";

const MOST = 12;

const SHAPES: Record<Status, preact.JSX.Element> = {
  running: (
    <>
      <circle cx="5" cy="5" r="3.6" class="ring" />
      <circle cx="5" cy="5" r="1.6" class="core" />
    </>
  ),
  finished: <circle cx="5" cy="5" r="3.6" class="full" />,
  failed: <path d="M1.8 1.8 8.2 8.2M8.2 1.8 1.8 8.2" class="stroke" />,
  killed: <path d="M1.7 1.7h6.6v6.6H1.7Z" class="stroke" />,
  interrupted: <path d="M3.2 1.6v6.8M6.8 1.6v6.8" class="stroke" />,
};

export function Mark({ status }: { status: Status }) {
  return (
    <svg class={`mark ${status}`} width="10" height="10" viewBox="0 0 10 10" aria-hidden="true">
      {SHAPES[status]}
    </svg>
  );
}

/** Runs of one group; those without a seed come last. */
export function bySeed(runs: readonly RunInfo[]): RunInfo[] {
  return [...runs].sort((a, b) => naturally(String(a.seed), String(b.seed)) || a.started - b.started);
}

function told(run: RunInfo): string {
  const seed = run.seed === null || run.seed === undefined ? run.id : `seed ${String(run.seed)}`;
  return `${seed}: ${run.status}${run.error ? ` (${run.error})` : ""}`;
}

/** "5 seeds: 3 finished, 2 running" */
export function tellRuns(runs: readonly RunInfo[]): string {
  const counts = new Map<Status, number>();
  for (const run of runs) counts.set(run.status, (counts.get(run.status) ?? 0) + 1);
  const parts = [...counts].map(([status, n]) => (runs.length === 1 ? status : `${n} ${status}`));
  return `${runs.length} ${runs.length === 1 ? "run" : "runs"}: ${parts.join(", ")}`;
}

export function Marks({ runs }: { runs: readonly RunInfo[] }) {
  const shown = bySeed(runs).slice(0, MOST);
  const title = runs.length <= MOST ? shown.map(told).join("\n") : tellRuns(runs);
  return (
    <span class="marks" role="img" aria-label={tellRuns(runs)} title={title}>
      {shown.map((run) => (
        <Mark key={run.key} status={run.status} />
      ))}
      {runs.length > MOST && <span class="quiet">{`+${runs.length - MOST}`}</span>}
    </span>
  );
}
