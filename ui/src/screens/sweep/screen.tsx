// Which settings matter: every group of a project by its settings and its score.
import { useAnswer } from "../../answer";
import { Method } from "../../figures/figure";
import { isCondition, queryOf } from "../../groups/filter";
import { FilterBox } from "../../groups/filter_box";
import { headlineOf } from "../../groups/headline";
import { answer as known, chosen, filter, groupById, groupingParams, groupOfRun, groups, hidden, problem, project } from "../../groups/state";
import { Asked, questionParams, scoredMetric } from "../compare/question";
import { axisOf, scoreAxis, selectedBy } from "./axes";
import { Best } from "./best";
import { axisKeys, bestFirst, brushes, byImportance, clearBrushes, MOST_CURVES, openInCurves, setAxes, setBrush } from "./choice";
import { ImportanceFigure } from "./importance";
import { Parallel, tellBrush } from "./parallel";
import { Pareto } from "./pareto";
import { Scatter } from "./scatter";
import "./sweep.css";
import type { Swept } from "./types";

/** The project whose settings are looked at: one at a time, because settings of several have little in common. */
function sweptProject(): string | null {
  const first = chosen.value[0] ?? "";
  return project.value ?? (groupById.value.get(first) ?? groupOfRun.value.get(first) ?? groups.value[0])?.project ?? null;
}

/** Without groups that are hidden. */
function within(swept: Swept): Swept {
  if (hidden.value.length === 0) return swept;
  const gone = new Set(hidden.value);
  const kept = swept.groups.filter((group) => !gone.has(group.id));
  return kept.length === swept.groups.length ? swept : { ...swept, groups: kept };
}

let last: { from: readonly unknown[]; swept: Swept } | null = null;

/** The same object as long as nothing changed, so that lines are not laid out again. */
function steady(swept: Swept): Swept {
  const from = [swept, hidden.value];
  if (!last?.from.every((one, i) => one === from[i])) last = { from, swept: within(swept) };
  return last.swept;
}

function Selection({ swept, selected }: { swept: Swept; selected: ReadonlySet<string> }) {
  const held = brushes();
  const best = bestFirst(swept.groups, swept.lower).filter((group) => selected.has(group.id));
  const ids = best.slice(0, MOST_CURVES).map((group) => group.id);
  const axes = axisKeys(swept);
  const others = swept.keys.filter(({ key }) => !axes.includes(key));
  return (
    <div class="selection">
      <span role="status" data-selected={selected.size}>
        {held.length ? `${selected.size} of ${swept.groups.length} groups selected` : `${swept.groups.length} groups`}
      </span>
      {held.map((brush) => (
        <button key={brush.key} type="button" class="chip" title="take this brush away" onClick={() => setBrush(brush.key, null)}>
          {`${tellBrush(brush, swept.metric)} ×`}
        </button>
      ))}
      {held.length > 1 && (
        <button type="button" class="link" onClick={clearBrushes}>
          clear all
        </button>
      )}
      <button type="button" class="button" disabled={ids.length === 0} onClick={() => openInCurves(ids)}>
        {selected.size > MOST_CURVES ? `draw the best ${MOST_CURVES} in Curves` : "draw these in Curves"}
      </button>
      {others.length > 0 && (
        <select aria-label="add an axis" value="" onChange={(event) => event.currentTarget.value && setAxes([event.currentTarget.value, ...axes])}>
          <option value="">{`+ axis (${others.length} more)`}</option>
          {others.map(({ key }) => (
            <option key={key} value={key}>
              {key}
            </option>
          ))}
        </select>
      )}
    </div>
  );
}

function Figures({ swept }: { swept: Swept }) {
  const scored = swept.groups.filter((group) => group.score !== null).length;
  if (swept.groups.length === 0) return <p class="hint">No group matches.</p>;
  if (scored === 0) return <p class="hint">{swept.pending ? "Scores are being computed …" : `No run has a score in ${swept.metric} yet.`}</p>;
  const every = [...swept.keys.map((key) => axisOf(key, 1, 0)), scoreAxis(swept, 1, 0)];
  const selected = selectedBy(brushes(), every, swept.groups);
  const keys = byImportance(swept);
  return (
    <>
      {swept.groups.length === 1 && <p class="told">There is one group: a sweep needs several, with different settings.</p>}
      {swept.groups.length > 1 && swept.keys.length === 0 && <p class="told">These groups do not differ in any setting.</p>}
      <Selection swept={swept} selected={selected} />
      <Parallel swept={swept} selected={selected} />
      <div class="half">
        <Scatter swept={swept} selected={selected} keys={keys} />
      </div>
      <div class="half">
        <ImportanceFigure swept={swept} />
      </div>
      <Pareto swept={swept} selected={selected} />
      <Best swept={swept} selected={selected} keys={keys} />
      <Method text={swept.importance.method ? `${swept.method} Importance: ${swept.importance.method}.` : swept.method} />
    </>
  );
}

export function SweepScreen() {
  const where = isCondition(filter.value);
  const of = sweptProject();
  const metric = scoredMetric.value ?? headlineOf(known.value.metrics) ?? null;
  const params = metric === null ? [] : [...(of ? [["project", of]] : []), ...queryOf(filter.value), ...questionParams(metric), ...groupingParams()];
  const followed = useAnswer<Swept>(metric === null ? null : `api/sweep?${new URLSearchParams(params as [string, string][])}`, { isPart: (told) => told.pending > 0 });
  const answer = followed.value && steady(followed.value);
  return (
    <main class="asks" aria-label="Sweep">
      <div class="toolbar ask">
        <FilterBox />
        {metric !== null && <Asked metric={metric} metrics={known.value.metrics} />}
        {of && known.value.projects.length > 1 && <span class="quiet">{`project ${of}`}</span>}
      </div>
      <div class="figures" aria-busy={answer === null}>
        {metric === null && !problem.value && <p class="hint">There are no metrics yet.</p>}
        {followed.problem && !where && (
          <p class="told bad" role="alert">
            {followed.problem}
          </p>
        )}
        {answer && answer.pending > 0 && <p class="told">{`${answer.pending} runs are still being read: their scores are not counted yet.`}</p>}
        {answer && <Figures swept={answer} />}
      </div>
    </main>
  );
}
