// What groups are compared by: a metric, a score for each run, and which way is better. The sweep asks the same.
import { flag, maybe, number, oneOf, param, text } from "../../address";

export const KINDS = ["final", "last", "max", "min"] as const;
export type Kind = (typeof KINDS)[number];

const MEANINGS: Record<Kind, string> = {
  final: "mean of the last 10 %",
  last: "last value",
  max: "largest value",
  min: "smallest value",
};

/** null: the metric of most interest. */
export const scoredMetric = param<string | null>("cmetric", maybe(text), null);
export const kind = param<Kind>("score", oneOf(...KINDS), "final");
const below = param<boolean | null>("lower", maybe(flag), null);
export const level = param("level", number, 0.95);

const SMALL_IS_GOOD = /loss|error|regret/i;

/** Whether a smaller score is better: as the reader says, or else as the name of the metric sounds. */
export function isLowerBetter(metric: string): boolean {
  return below.value ?? (kind.value === "min" || SMALL_IS_GOOD.test(metric));
}

/** The parameters that compare and sweep have in common. */
export function questionParams(metric: string): [string, string][] {
  return [
    ["metric", metric],
    ["score", kind.value],
    ["lower", isLowerBetter(metric) ? "1" : "0"],
  ];
}

export function Asked({ metric, metrics }: { metric: string; metrics: readonly string[] }) {
  return (
    <>
      <label>
        metric
        <select value={metric} onChange={(event) => (scoredMetric.value = event.currentTarget.value)}>
          {(metrics.includes(metric) ? metrics : [metric, ...metrics]).map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label>
        score
        <select value={kind.value} onChange={(event) => (kind.value = event.currentTarget.value as Kind)}>
          {KINDS.map((name) => (
            <option key={name} value={name}>
              {MEANINGS[name]}
            </option>
          ))}
        </select>
      </label>
      <label>
        <input type="checkbox" checked={isLowerBetter(metric)} onChange={(event) => (below.value = event.currentTarget.checked)} />
        lower is better
      </label>
    </>
  );
}
