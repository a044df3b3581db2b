// The chosen groups held against each other, in the figures and the table of a paper.
import { maybe, param, text } from "../../address";
import { useAnswer } from "../../answer";
import { lineParams } from "../../api";
import { Method } from "../../figures/figure";
import { headlineOf } from "../../groups/headline";
import { answer as known, chosen, groupById, groupingParams, groupOfRun } from "../../groups/state";
import type { Metric } from "../../types";
import { Efficiency, useEfficiency } from "./efficiency";
import { Improvement } from "./improvement";
import { Intervals } from "./intervals";
import { ProfileFigure } from "./profile";
import { Asked, level, questionParams, scoredMetric } from "./question";
import { FinalTable } from "./table";
import type { Comparison } from "./types";

const MOST = 50;

/** The config key of the tasks over which groups that differ in nothing else are one algorithm; null: none. */
const task = param<string | null>("task", maybe(text), null);

/** The groups that are compared: a chosen run counts as its group. */
function comparedGroups(): { ids: string[]; notes: string[] } {
  const runs = chosen.value.filter((id) => id.includes("/"));
  const all = [...new Set(chosen.value.map((id) => (id.includes("/") ? groupOfRun.value.get(id)?.id : id)))].filter((id) => id !== undefined);
  const notes: string[] = [];
  if (runs.length) notes.push(`${runs.length === 1 ? "A chosen run counts" : `${runs.length} chosen runs count`} with all runs of ${runs.length === 1 ? "its" : "their"} group.`);
  if (all.length > MOST) notes.push(`Only the first ${MOST} of ${all.length} chosen groups are compared.`);
  return { ids: all.slice(0, MOST), notes };
}

/** Best first, by what outliers move least. */
function ordered(answer: Comparison): Comparison {
  const sign = answer.lower && !answer.tasks ? 1 : -1;
  const place = (center: number | null) => (center === null ? Infinity : sign * center);
  const groups = [...answer.groups].sort((a, b) => place(a.iqm.center) - place(b.iqm.center) || 0);
  const at = new Map(groups.map((group, i) => [group.id, i]));
  const lines = [...answer.profile.lines].sort((a, b) => (at.get(a.id) ?? 0) - (at.get(b.id) ?? 0));
  return { ...answer, groups, profile: { ...answer.profile, lines } };
}

/** Settings that tell the compared groups apart. */
function taskKeys(ids: readonly string[]): string[] {
  const groups = ids.flatMap((id) => groupById.value.get(id) ?? []);
  return known.value.keys.filter((key) => groups.every((group) => key in group.config) && new Set(groups.map((group) => JSON.stringify(group.config[key]))).size > 1);
}

export function CompareScreen() {
  const { ids, notes } = comparedGroups();
  const lines = [...lineParams(ids), ...groupingParams()];
  const enough = ids.length >= 2;
  const offered = useAnswer<{ metrics: Metric[] }>(ids.length ? `api/metrics?${new URLSearchParams(lines)}` : null).value?.metrics ?? [];
  const most = offered.reduce((so_far, metric) => Math.max(so_far, metric.lines), 0);
  const metric = scoredMetric.value ?? headlineOf(offered.filter((one) => one.lines === most).map((one) => one.name)) ?? null;
  const params = metric === null ? [] : [...questionParams(metric), ["level", String(level.value)], ...(task.value ? [["task", task.value]] : []), ...lines];
  const followed = useAnswer<Comparison>(metric !== null && enough ? `api/compare?${new URLSearchParams(params as [string, string][])}` : null);
  const curve = useEfficiency(enough ? metric : null, ids);
  const answer = followed.value && ordered(followed.value);
  const keys = taskKeys(ids);
  const percent = `${Number((level.value * 100).toPrecision(6))} %`;
  const scored = answer?.groups.some((group) => group.n > 0);
  return (
    <main class="asks" aria-label="Compare">
      <div class="toolbar ask">
        {metric !== null && <Asked metric={metric} metrics={offered.map(({ name }) => name)} />}
        <label>
          intervals
          <select value={String(level.value)} onChange={(event) => (level.value = Number(event.currentTarget.value))}>
            {[...new Set([0.95, 0.9, level.value])].map((value) => (
              <option key={value} value={String(value)}>{`${Number((value * 100).toPrecision(6))} %`}</option>
            ))}
          </select>
        </label>
        {(keys.length > 0 || task.value) && (
          <label title="Groups that differ only in this setting are one algorithm; their scores are normalised in each task">
            tasks
            <select value={task.value ?? ""} onChange={(event) => (task.value = event.currentTarget.value || null)}>
              <option value="">none</option>
              {[...new Set([...(task.value ? [task.value] : []), ...keys])].map((key) => (
                <option key={key} value={key}>
                  {key}
                </option>
              ))}
            </select>
          </label>
        )}
      </div>
      <div class="figures" aria-busy={followed.value === null && enough}>
        {notes.map((note) => (
          <p key={note} class="told">
            {note}
          </p>
        ))}
        {!enough && <p class="hint">{ids.length === 1 ? "One group is chosen: choose another one to compare it with." : "Choose two groups or more to compare."}</p>}
        {enough && metric === null && <p class="hint">These groups have no metrics yet.</p>}
        {followed.problem && (
          <p class="told bad" role="alert">
            {followed.problem}
          </p>
        )}
        {enough && answer && !scored && <p class="hint">{`No run of these groups has a score in ${answer.metric} yet.`}</p>}
        {enough && answer && scored && (
          <>
            {answer.tasks_left_out.length > 0 && <p class="told">{`Left out, for lack of scores of all: ${answer.tasks_left_out.join(", ")}.`}</p>}
            <Intervals answer={answer} percent={percent} />
            <div class="half">
              <ProfileFigure answer={answer} />
            </div>
            <div class="half">
              {curve.value && <Efficiency curve={curve.value} order={answer.groups.map((group) => group.id)} />}
              {curve.problem && <p class="told bad">{curve.problem}</p>}
            </div>
            {answer.groups.length > 1 && <Improvement answer={answer} />}
            <FinalTable answer={answer} />
            <Method text={answer.method} />
          </>
        )}
      </div>
    </main>
  );
}
