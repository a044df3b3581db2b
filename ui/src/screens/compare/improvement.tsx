// How likely a run of one group is better than a run of another: pairs in rows, or a matrix of many groups.
import { Figure } from "../../figures/figure";
import { BottomAxis, Point, round } from "../../figures/parts";
import { linear } from "../../figures/scales";
import { lookOf, mixed, type Skin } from "../../figures/skin";
import { fitted, widest } from "../../figures/words";
import type { Comparison, Contender, Pair } from "./types";

const MOST_IN_ROWS = 4;
const ROW = 40;

const two = (value: number | null) => (value === null ? "–" : value.toFixed(2));

/** "P(sac > ppo) = 0.92 [0.80, 1.00], n = 5, 5" */
export function sentenceOf(pair: Pair, name: (id: string) => string, sign: string): string {
  const bounds = pair.low === null || pair.high === null ? "" : ` [${two(pair.low)}, ${two(pair.high)}]`;
  return `P(${name(pair.x)} ${sign} ${name(pair.y)}) = ${two(pair.p)}${bounds}, n = ${pair.n.join(", ")}`;
}

function verdictOf(pair: Pair, name: (id: string) => string): string {
  if (pair.p === null) return "nothing to compare";
  if (pair.low === null || pair.high === null) return "too few runs to tell: 3 on each side are needed";
  if (pair.low > 0.5) return `${name(pair.x)} is better`;
  if (pair.high < 0.5) return `${name(pair.y)} is better`;
  return "which is better is not settled";
}

/** Each pair once, put so that its first side is the likelier one to be better. */
function onceEach(answer: Comparison): Pair[] {
  const place = new Map(answer.groups.map((group, i) => [group.id, i]));
  const seen = new Set<string>();
  const likelier = [...answer.improvement.pairs].sort(
    (a, b) => (place.get(a.x) ?? 0) + (place.get(a.y) ?? 0) - (place.get(b.x) ?? 0) - (place.get(b.y) ?? 0) || (b.p ?? 0) - (a.p ?? 0),
  );
  return likelier.filter(({ x, y }) => {
    const pair = [x, y].sort().join(" ");
    return seen.has(pair) ? false : Boolean(seen.add(pair));
  });
}

function drawRows(answer: Comparison, width: number, skin: Skin) {
  const labels = new Map(answer.groups.map((group) => [group.id, group.label]));
  const name = (id: string) => labels.get(id) ?? id;
  const sign = answer.lower && !answer.tasks ? "<" : ">";
  const pairs = onceEach(answer);
  const texts = Math.min(width * 0.62, Math.max(widest(pairs.map((pair) => sentenceOf(pair, name, sign))), widest(pairs.map((pair) => verdictOf(pair, name)), 11)) + 24);
  const left = texts;
  const right = width - 12;
  const bottom = pairs.length * ROW + 8;
  const scale = linear([0, 1], left, right, 4);
  const content = (
    <>
      <BottomAxis scale={scale} skin={skin} at={bottom} to={4} from={left} end={right} title="← second more likely better · first more likely better →" />
      <path d={`M${scale.at(0.5)} 4V${bottom}`} stroke={skin.muted} stroke-dasharray="4 3" />
      {pairs.map((pair, i) => {
        const y = ROW * (i + 0.5) + 4;
        const better = (pair.p ?? 0.5) >= 0.5 ? pair.x : pair.y;
        const look = lookOf(better, skin);
        const told = sentenceOf(pair, name, sign);
        return (
          <g key={`${pair.x} ${pair.y}`}>
            <title>{[told, verdictOf(pair, name), ...pair.notes].join("\n")}</title>
            <text x={0} y={y - 2} fill={skin.ink}>
              {fitted(told, texts - 16)}
            </text>
            <text x={0} y={y + 13} font-size="11" fill={skin.muted}>
              {fitted(verdictOf(pair, name), texts - 16, 11)}
            </text>
            {pair.low !== null && pair.high !== null && (
              <path
                d={`M${round(scale.at(pair.low))} ${y}H${round(scale.at(pair.high))}M${round(scale.at(pair.low))} ${y - 4}v8M${round(scale.at(pair.high))} ${y - 4}v8`}
                stroke={look.color}
                stroke-width="2"
                fill="none"
              />
            )}
            {pair.p !== null && <Point x={scale.at(pair.p)} y={y} r={4.6} look={look} ground={skin.ground} />}
          </g>
        );
      })}
    </>
  );
  return { height: bottom + 38, content };
}

const BETTER = { light: "#2f7fc1", dark: "#3f86c4" };
const WORSE = { light: "#d98046", dark: "#c0662a" };

function Cell({ pair, x, y, size, high, skin, told }: { pair: Pair | undefined; x: number; y: number; size: number; high: number; skin: Skin; told: string }) {
  if (!pair || pair.p === null) return <rect x={x} y={y} width={size - 2} height={high - 2} fill={skin.grid} />;
  const side = skin.dark ? "dark" : "light";
  const p = pair.p;
  const strength = Math.abs(p - 0.5) * 1.5;
  const settled = pair.low !== null && pair.high !== null && (pair.low > 0.5 || pair.high < 0.5);
  const interval = pair.low === null || pair.high === null ? "no interval" : `[${two(pair.low)}, ${two(pair.high)}]`;
  const middle = x + size / 2 - 1;
  return (
    <g text-anchor="middle">
      <title>{told}</title>
      <rect
        x={x + 0.75}
        y={y + 0.75}
        width={size - 3.5}
        height={high - 3.5}
        rx="3"
        fill={mixed(skin.ground, p > 0.5 ? BETTER[side] : WORSE[side], strength)}
        stroke={settled ? skin.ink : "none"}
        stroke-width="1.3"
      />
      {size >= 26 && (
        <text x={middle} y={y + high / 2 + (size >= 62 ? -1 : 3)} fill={skin.ink} font-size={size >= 40 ? 12 : 10}>
          {size >= 34 ? two(p) : two(p).replace("0.", ".")}
        </text>
      )}
      {size >= 62 && (
        <text x={middle} y={y + high / 2 + 12} fill={skin.ink} font-size="10">
          {interval}
        </text>
      )}
    </g>
  );
}

function drawMatrix(answer: Comparison, width: number, skin: Skin) {
  const groups: Contender[] = answer.groups;
  const labels = new Map(groups.map((group) => [group.id, group.label]));
  const name = (id: string) => labels.get(id) ?? id;
  const sign = answer.lower && !answer.tasks ? "<" : ">";
  const pairs = new Map(answer.improvement.pairs.map((pair) => [`${pair.x} ${pair.y}`, pair]));
  const names = Math.min(width * 0.3, widest(groups.map((group, i) => `${i + 1}  ${group.label}`)) + 30);
  const size = Math.max(12, Math.min(92, (width - names) / groups.length));
  const high = Math.min(34, size);
  const content = (
    <>
      <text x={0} y={13} fill={skin.muted} font-size="11">
        {fitted("row better than column", names - 8, 11)}
      </text>
      {groups.map((group, i) => {
        const y = 22 + high * i;
        return (
          <g key={group.id}>
            <text x={names + size * (i + 0.5) - 1} y={14} text-anchor="middle" fill={skin.muted} font-size={size >= 18 ? 11 : 8}>
              {i + 1}
              <title>{group.label}</title>
            </text>
            <Point x={6} y={y + high / 2 - 1} r={high >= 16 ? 4 : 3} look={lookOf(group.id, skin)} ground={skin.ground} />
            <text x={16} y={y + high / 2 + 3} fill={skin.ink} font-size={high >= 16 ? 12 : 10}>
              {fitted(`${i + 1}  ${group.label}`, names - 24, high >= 16 ? 12 : 10)}
              <title>{group.label}</title>
            </text>
            {groups.map((other, j) => {
              const pair = pairs.get(`${group.id} ${other.id}`);
              const told = pair ? `${sentenceOf(pair, name, sign)}\n${verdictOf(pair, name)}` : "";
              return i === j ? null : <Cell key={other.id} pair={pair} x={names + size * j} y={y} size={size} high={high} skin={skin} told={told} />;
            })}
          </g>
        );
      })}
    </>
  );
  return { height: 24 + high * groups.length + 2, content };
}

export function Improvement({ answer }: { answer: Comparison }) {
  const labels = new Map(answer.groups.map((group) => [group.id, group.label]));
  const inRows = answer.groups.length <= MOST_IN_ROWS;
  const sign = answer.lower && !answer.tasks ? "<" : ">";
  return (
    <Figure
      name="improvement"
      title="Probability of improvement"
      method={answer.method}
      words={
        inRows
          ? `How likely a run of one group is better than a run of the other; P(Y ${sign} X) = 1 − P(X ${sign} Y), ties count ½.`
          : `How likely a run of the row's group is better than one of the column's (${answer.improvement.label}); the mirrored cell says 1 minus it. Outlined: the interval leaves out 0.5.`
      }
      draw={(width, skin) => (inRows ? drawRows(answer, width, skin) : drawMatrix(answer, width, skin))}
      rows={() => [
        ["x", "y", answer.improvement.label, "low", "high", "n_x", "n_y"],
        ...answer.improvement.pairs.map((pair) => [labels.get(pair.x), labels.get(pair.y), pair.p, pair.low, pair.high, ...pair.n]),
      ]}
    />
  );
}
