// Every metric of a run in numbers.
import { useMemo, useState } from "preact/hooks";
import { count, short } from "../../format";
import { useRowsInSight } from "../../virtual";
import { headline, type Summary, tab } from "./state";

const ROW = 30; // CSS pixels, as run.css has it

type Key = "metric" | "points" | "last" | "min" | "mean" | "max" | "nonfinite" | "first_step" | "last_step";

const COLUMNS: readonly [Key, string, string][] = [
  ["metric", "metric", ""],
  ["points", "points", "recorded values"],
  ["last", "last", "the value that was logged last"],
  ["min", "min", "of all values that are numbers"],
  ["mean", "mean", "of all values that are numbers"],
  ["max", "max", "of all values that are numbers"],
  ["nonfinite", "NaN, ∞", "values that are not finite"],
  ["first_step", "first step", ""],
  ["last_step", "last step", ""],
];

function shown(row: Summary, key: Key): string {
  const value = row[key];
  if (value === null) return "–";
  if (typeof value === "string") return value;
  return key === "points" || key === "nonfinite" || key.endsWith("step") ? count(value) : short(value);
}

/** Texts by name, numbers by size, what is missing last. */
function compare(a: Summary, b: Summary, key: Key, sign: number): number {
  const [x, y] = [a[key], b[key]];
  if (key === "metric") return sign * a.metric.localeCompare(b.metric);
  const [known, other] = [typeof x === "number", typeof y === "number"];
  if (known && other) return sign * ((x as number) - (y as number)) || a.metric.localeCompare(b.metric);
  return known === other ? a.metric.localeCompare(b.metric) : known ? -1 : 1;
}

function open(metric: string): void {
  headline.value = metric;
  tab.value = "overview";
  scrollTo(0, 0);
}

export function Metrics({ metrics }: { metrics: readonly Summary[] }) {
  const [words, setWords] = useState("");
  const [order, setOrder] = useState<[Key, number]>(["metric", 1]);
  const rows = useMemo(() => {
    const wanted = words.toLowerCase().split(/\s+/);
    const found = metrics.filter(({ metric }) => wanted.every((word) => metric.toLowerCase().includes(word)));
    return found.sort((a, b) => compare(a, b, ...order));
  }, [metrics, words, order]);
  const { box, first, end } = useRowsInSight(rows.length, ROW, ROW);
  return (
    <section aria-label="Metrics">
      <div class="asked">
        <input type="search" placeholder="find a metric" aria-label="find a metric" value={words} onInput={(event) => setWords(event.currentTarget.value)} />
        <span class="quiet">{`${rows.length} of ${metrics.length} metrics`}</span>
      </div>
      <div class="sheet tall" ref={box} tabIndex={0} role="region" aria-label="Table of metrics">
        <table class="metrics" aria-rowcount={rows.length + 1}>
          <thead>
            <tr>
              {COLUMNS.map(([key, title, meaning]) => {
                const sorted = order[0] === key;
                return (
                  <th key={key} scope="col" aria-sort={sorted ? (order[1] > 0 ? "ascending" : "descending") : undefined} title={meaning}>
                    <button type="button" onClick={() => setOrder([key, sorted ? -order[1] : key === "metric" ? 1 : -1])}>
                      {title}
                      <span aria-hidden="true">{sorted ? (order[1] > 0 ? " ↑" : " ↓") : ""}</span>
                    </button>
                  </th>
                );
              })}
            </tr>
          </thead>
          <tbody>
            <tr aria-hidden="true" style={{ height: `${first * ROW}px` }} />
            {rows.slice(first, end).map((row, i) => (
              <tr key={row.metric} aria-rowindex={first + i + 2} data-metric={row.metric}>
                <th scope="row">
                  <button type="button" class="link" title={row.metric} onClick={() => open(row.metric)}>
                    {row.metric}
                  </button>
                </th>
                {COLUMNS.slice(1).map(([key]) => (
                  <td key={key} class={key === "nonfinite" && row.nonfinite > 0 ? "lost" : ""}>
                    {shown(row, key)}
                  </td>
                ))}
              </tr>
            ))}
            <tr aria-hidden="true" style={{ height: `${(rows.length - end) * ROW}px` }} />
          </tbody>
        </table>
      </div>
    </section>
  );
}
