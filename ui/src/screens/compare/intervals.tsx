// Point and interval of each group, once by its mean, once by its median, once by its interquartile mean.
import { Figure } from "../../figures/figure";
import { BottomAxis, Point, round } from "../../figures/parts";
import { digitsFor, extentOf, linear, padded } from "../../figures/scales";
import { lookOf, type Skin } from "../../figures/skin";
import { fitted, widest, widthOf } from "../../figures/words";
import type { Comparison, Contender, Interval } from "./types";

const ROW = 42;
const GAP = 26; // between columns
const HEAD = 22;

type Column = "mean" | "median" | "iqm" | "gap";
const TITLES: Record<Column, string> = { mean: "mean", median: "median", iqm: "IQM", gap: "optimality gap" };

export function columnsOf(answer: Comparison): Column[] {
  return answer.tasks ? ["mean", "median", "iqm", "gap"] : ["mean", "median", "iqm"];
}

/** Under a group's name: how many runs it counts, and which it does not. */
export function countsOf(group: Contender): string {
  const parts = [`n = ${group.n}`];
  if (group.running) parts.push(`${group.running} running`);
  if (group.missing) parts.push(`${group.missing} without it`);
  if (group.nonfinite) parts.push(`${group.nonfinite} NaN or ∞`);
  if (group.unreadable) parts.push(`${group.unreadable} unreadable`);
  if (group.n > 0 && group.mean.low === null) parts.push("no interval below 3");
  return parts.join(" · ");
}

/** The scores of the runs, where they are on the same scale as the intervals. */
const dotsOf = (group: Contender, column: Column, answer: Comparison) => (answer.tasks || column === "gap" ? [] : group.scores);

function Row({ group, interval, dots, x, y, right, skin, digits, at }: {
  group: Contender;
  interval: Interval | undefined;
  dots: readonly (number | null)[];
  x: number;
  y: number;
  right: number;
  skin: Skin;
  digits: number;
  at: (value: number) => number;
}) {
  if (!interval || interval.center === null) {
    return (
      <text x={x} y={y + 4} fill={skin.muted} font-size="11">
        no score
      </text>
    );
  }
  const look = lookOf(group.id, skin);
  const middle = at(interval.center);
  const label = number(interval.center, digits);
  const half = widthOf(label, 11) / 2;
  const bounded = interval.low !== null && interval.high !== null;
  const told = `${group.label}: ${label}${bounded ? ` [${number(interval.low, digits)}, ${number(interval.high, digits)}]` : ""}, n = ${interval.n}`;
  return (
    <g>
      <title>{[told, interval.method, ...interval.notes].filter(Boolean).join("\n")}</title>
      <rect x={x} y={y - ROW / 2} width={right - x} height={ROW} fill="#000000" fill-opacity="0" />
      {bounded && (
        <path
          d={`M${round(at(interval.low as number))} ${y}H${round(at(interval.high as number))}M${round(at(interval.low as number))} ${y - 4}v8M${round(at(interval.high as number))} ${y - 4}v8`}
          stroke={look.color}
          stroke-width="2"
          fill="none"
        />
      )}
      {dots.map((score, i) => score !== null && <circle key={group.keys[i]} cx={round(at(score))} cy={y + 12} r="2.2" fill={look.color} fill-opacity="0.55" />)}
      <Point x={middle} y={y} r={4.6} look={look} ground={skin.ground} />
      <text x={round(Math.min(right - half, Math.max(x + half, middle)))} y={y - 9} font-size="11" text-anchor="middle" fill={skin.ink}>
        {label}
      </text>
    </g>
  );
}

export function number(value: number | null, digits: number): string {
  return value === null ? "–" : value.toFixed(digits).replace(/^-/, "−");
}

function draw(answer: Comparison, width: number, skin: Skin) {
  const columns = columnsOf(answer);
  const groups = answer.groups;
  const names = Math.ceil(Math.min(width * 0.28, Math.max(widest(groups.map((group) => group.label)), widest(groups.map(countsOf), 11)) + 22));
  const each = (width - names - GAP * columns.length) / columns.length;
  const bottom = HEAD + groups.length * ROW + 4;
  const content = (
    <>
      {groups.map((group, i) => {
        const y = HEAD + ROW * (i + 0.5);
        return (
          <g key={group.id}>
            {i > 0 && <path d={`M0 ${y - ROW / 2}H${width}`} stroke={skin.grid} />}
            <Point x={7} y={y - 5} look={lookOf(group.id, skin)} ground={skin.ground} />
            <text x={18} y={y - 1} fill={skin.ink}>
              {fitted(group.label, names - 20)}
              <title>{group.label}</title>
            </text>
            <text x={18} y={y + 13} font-size="11" fill={skin.muted}>
              {fitted(countsOf(group), names - 18, 11)}
              <title>{countsOf(group)}</title>
            </text>
          </g>
        );
      })}
      {columns.map((column, c) => {
        const x = names + GAP * (c + 1) + each * c - 4;
        const all = groups.flatMap((group) => [group[column]?.center, group[column]?.low, group[column]?.high, ...dotsOf(group, column, answer)]);
        const extent = extentOf(all);
        if (!extent) return null;
        const scale = linear(padded(extent), x, x + each, Math.max(2, Math.floor(each / 45)));
        const digits = digitsFor(groups.map((group) => group[column]?.center));
        return (
          <g key={column}>
            <text x={x + each / 2} y={12} text-anchor="middle" font-weight="600" fill={skin.ink}>
              {TITLES[column]}
            </text>
            <BottomAxis scale={scale} skin={skin} at={bottom} to={HEAD} from={x} end={x + each} title={answer.tasks ? "normalised score" : answer.metric} />
            {groups.map((group, i) => (
              <Row
                key={group.id}
                group={group}
                interval={group[column]}
                dots={dotsOf(group, column, answer)}
                x={x}
                right={x + each}
                y={HEAD + ROW * (i + 0.5)}
                skin={skin}
                digits={digits}
                at={scale.at}
              />
            ))}
          </g>
        );
      })}
    </>
  );
  return { height: bottom + 38, content };
}

export function Intervals({ answer, percent }: { answer: Comparison; percent: string }) {
  const few = answer.groups.filter((group) => group.n > 0 && group.n < 3);
  const words = [
    `Points with ${percent} intervals over runs; small dots are the runs themselves.`,
    few.length > 0 ? `${few.map((group) => group.label).join(", ")} ${few.length === 1 ? "has" : "have"} fewer than 3 runs, which allow no interval.` : "",
  ];
  return (
    <Figure
      name="intervals"
      title="Scores"
      method={answer.method}
      words={answer.tasks ? `Normalised scores over ${answer.tasks.length} tasks, with ${percent} intervals.` : words.join(" ")}
      draw={(width, skin) => draw(answer, width, skin)}
      rows={() => [
        ["group", "n", "statistic", "center", "low", "high", "method"],
        ...answer.groups.flatMap((group) => columnsOf(answer).map((column) => [group.label, group.n, TITLES[column], group[column]?.center, group[column]?.low, group[column]?.high, group[column]?.method])),
        ...(answer.tasks ? [] : answer.groups.flatMap((group) => group.scores.map((score, i) => [group.label, 1, `run ${group.keys[i]}`, score, null, null, answer.score]))),
      ]}
    />
  );
}
