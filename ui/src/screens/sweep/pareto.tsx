// What a score costs: score against wall time, with the groups that no other beats in both.
import { Figure } from "../../figures/figure";
import { round } from "../../figures/parts";
import { everyPixels, planeOf } from "../../figures/plane";
import { extentOf, linear, padded } from "../../figures/scales";
import type { Skin } from "../../figures/skin";
import { fitted, widthOf } from "../../figures/words";
import { duration, short } from "../../format";
import { openInCurves } from "./choice";
import { tellGroup } from "./parallel";
import type { Swept, SweptGroup } from "./types";

const TIMES: readonly [seconds: number, name: string][] = [
  [86400, "d"],
  [3600, "h"],
  [60, "min"],
  [1, "s"],
  [1e-3, "ms"],
];

type Timed = SweptGroup & { wall: number; score: number };

/** The front by time, as a line that holds each score until a better one is reached. */
function frontOf(groups: readonly Timed[]): Timed[] {
  return groups.filter((group) => group.front).sort((a, b) => a.wall - b.wall);
}

interface Label {
  group: Timed;
  x: number;
  y: number;
  text: string;
}

/** Of the names of groups what tells them apart. */
function shortened(names: readonly string[]): string[] {
  const every = names.map((name) => name.split(" · "));
  return every.map((parts, i) => parts.filter((part) => !every.every((others) => others.includes(part))).join(" · ") || (names[i] as string));
}

/** Names beside their points, of which none covers another. */
function labelsOf(front: readonly Timed[], at: (group: Timed) => [number, number], left: number, right: number): Label[] {
  const taken: [x: number, y: number, w: number][] = [];
  const out: Label[] = [];
  const texts = shortened(front.map((group) => group.name));
  for (let i = front.length - 1; i >= 0; i--) {
    const group = front[i] as Timed;
    const [x, y] = at(group);
    const text = fitted(texts[i] as string, right - left, 11);
    const wide = widthOf(text, 11);
    const from = Math.max(left, Math.min(x + 8, right - wide));
    const free = [-7, 15, -20, 28].find((dy) => taken.every(([tx, ty, tw]) => from > tx + tw || tx > from + wide || Math.abs(ty - (y + dy)) > 12));
    if (free === undefined || y + free < 14) continue;
    taken.push([from, y + free, wide]);
    out.push({ group, x: from, y: y + free, text });
  }
  return out;
}

function draw(swept: Swept, timed: readonly Timed[], selected: ReadonlySet<string>, width: number, skin: Skin) {
  const [from, to] = padded(extentOf(timed.map((group) => group.wall)) ?? [0, 1], 0.05);
  const unit = TIMES.find(([seconds]) => to >= 2 * seconds) ?? ([1e-3, "ms"] as const);
  const plane = planeOf({
    width,
    skin,
    y: padded(extentOf(timed.map((group) => group.score)) ?? [0, 1], 0.08),
    yTitle: `score in ${swept.metric}`,
    x: (left, right) => linear([Math.max(0, from) / unit[0], to / unit[0]], left, right, everyPixels(width, 110)),
    xTitle: `mean wall time of a run, ${unit[1]}`,
  });
  const { y, left, right } = plane;
  const x = (seconds: number) => plane.x.at(seconds / unit[0]);
  const front = frontOf(timed);
  const steps = front.map((group, i) => `${i ? `H${round(x(group.wall))}V` : `M${round(x(group.wall))} `}${round(y.at(group.score))}`).join("");
  const content = (
    <>
      {plane.axes}
      {front.length > 0 && <path d={`${steps}H${right}`} fill="none" stroke={skin.accent} stroke-width="1.6" />}
      {timed.map((group) => {
        const bright = selected.has(group.id);
        return (
          <g key={group.id} class="opens" onClick={() => openInCurves([group.id])} opacity={bright ? 1 : 0.3}>
            <circle cx={round(x(group.wall))} cy={round(y.at(group.score))} r={group.front ? 4.6 : 3.2} fill={group.front ? skin.accent : skin.muted} stroke={skin.ground} />
            <title>{`${group.name}\n${tellGroup(group)}\n${wallOf(group.wall)}${group.front ? "\non the front" : ""}`}</title>
          </g>
        );
      })}
      <g font-size="11" fill={skin.ink} stroke={skin.ground} stroke-width="3" paint-order="stroke" stroke-linejoin="round">
        {labelsOf(front, (group) => [x(group.wall), y.at(group.score)], left, right).map((label) => (
          <text key={label.group.id} x={round(label.x)} y={round(label.y)}>
            {label.text}
          </text>
        ))}
      </g>
    </>
  );
  return { height: plane.height, content };
}

export function wallOf(seconds: number): string {
  return seconds < 10 ? `${short(seconds)} s` : duration(seconds);
}

export function Pareto({ swept, selected }: { swept: Swept; selected: ReadonlySet<string> }) {
  const timed = swept.groups.filter((group): group is Timed => group.wall !== null && group.score !== null);
  if (timed.length === 0) return null;
  const front = frontOf(timed);
  return (
    <Figure
      name="pareto"
      title="Score against wall time"
      method={swept.method}
      words={`On the front (large points, no other group is as good in no more time): ${front.slice(0, 6).map((group) => group.name).join("; ")}${front.length > 6 ? `; and ${front.length - 6} more` : ""}.`}
      draw={(width, skin) => draw(swept, timed, selected, width, skin)}
      rows={() => [["group", "wall_seconds", "score", "low", "high", "n", "front"], ...timed.map((group) => [group.name, group.wall, group.score, group.low, group.high, group.n, group.front])]}
    />
  );
}
