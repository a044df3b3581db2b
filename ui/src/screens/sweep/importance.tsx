// How much of the scores' variation each setting explains, beside what chance would.
import { Figure } from "../../figures/figure";
import { BottomAxis, round } from "../../figures/parts";
import { linear } from "../../figures/scales";
import type { Skin } from "../../figures/skin";
import { fitted, widest } from "../../figures/words";
import { against, byImportance } from "./choice";
import type { Importance, Swept } from "./types";

const ROW = 32;
const MOST_ROWS = 20;

const percent = (share: number | null) => (share === null ? "–" : `${Math.round(share * 100)} %`);

function verdictOf({ importance, null_high, note, correlation }: Importance): string {
  if (note || importance === null || null_high === null) return note || "nothing can be told";
  if (importance <= null_high) return `${percent(importance)}: not distinguishable from chance`;
  const trend = correlation === null || correlation ** 2 < importance / 2 ? "" : correlation > 0 ? ", scores rise with it" : ", scores fall with it";
  return `${percent(importance)} of the variation${trend}`;
}

function draw(rows: readonly Importance[], width: number, skin: Skin) {
  const names = Math.min(width * 0.35, widest(rows.map(({ key }) => key)) + 14);
  const right = width - 12;
  const bottom = rows.length * ROW + 4;
  const most = Math.max(0.1, ...rows.map((row) => Math.max(row.importance ?? 0, row.null_high ?? 0)));
  const scale = linear([0, Math.min(1, most * 1.02)], names, right, 4);
  const shares = { ...scale, ticks: scale.ticks.map(({ value }) => ({ value, label: percent(value) })) };
  const content = (
    <>
      <BottomAxis scale={shares} skin={skin} at={bottom} to={0} from={names} end={right} title="share of the variation of scores; grey: what chance would explain" />
      {rows.map((row, i) => {
        const y = ROW * i + 4;
        const known = row.importance !== null && row.null_low !== null && row.null_high !== null;
        const real = known && (row.importance as number) > (row.null_high as number);
        return (
          <g key={row.key} class="opens" onClick={() => (against.value = row.key)}>
            <title>{`${row.key}: ${verdictOf(row)}${known ? `; by chance ${percent(row.null_low)} to ${percent(row.null_high)}, p = ${row.p?.toFixed(3) ?? "–"}` : ""}, n = ${row.n}`}</title>
            <text x={0} y={y + 11} fill={skin.ink}>
              {fitted(row.key, names - 10)}
            </text>
            {known && <rect x={round(scale.at(Math.max(0, row.null_low as number)))} y={y} width={round(Math.max(1, scale.at(row.null_high as number) - scale.at(Math.max(0, row.null_low as number))))} height="13" fill={skin.shade} />}
            {known && <rect x={names} y={y + 3.5} width={round(Math.max(1, scale.at(row.importance as number) - names))} height="6" fill={real ? skin.accent : skin.muted} />}
            <text x={names + 2} y={y + 25} font-size="11" fill={skin.muted}>
              {fitted(verdictOf(row), right - names, 11)}
            </text>
          </g>
        );
      })}
    </>
  );
  return { height: bottom + 38, content };
}

export function ImportanceFigure({ swept }: { swept: Swept }) {
  const { keys, method, n_groups, why_not } = swept.importance;
  if (why_not) {
    return (
      <section class="figure" data-figure="importance" aria-label="Importance">
        <h2>Importance</h2>
        <p class="quiet">{`Nothing can be said: ${why_not}.`}</p>
      </section>
    );
  }
  const order = new Map(byImportance(swept).map((key, i) => [key, i]));
  const rows = [...keys].sort((a, b) => (order.get(a.key) ?? 0) - (order.get(b.key) ?? 0)).slice(0, MOST_ROWS);
  return (
    <Figure
      name="importance"
      title="Importance"
      method={`${method}; metric ${swept.metric}, score: ${swept.score}`}
      words={`What each setting alone explains of the scores of ${n_groups} groups.${keys.length > rows.length ? ` The first ${rows.length} of ${keys.length}.` : ""}`}
      draw={(width, skin) => draw(rows, width, skin)}
      rows={() => [["key", "importance", "null_low", "null_high", "p", "correlation", "n", "rank", "note"], ...rows.map((row) => [row.key, row.importance, row.null_low, row.null_high, row.p, row.correlation, row.n, row.rank, row.note])]}
    />
  );
}
