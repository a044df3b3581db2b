// The score against one setting: the mean of each group, with its interval where it has three seeds.
import { Figure } from "../../figures/figure";
import { round } from "../../figures/parts";
import { planeOf } from "../../figures/plane";
import { extentOf, padded } from "../../figures/scales";
import { rampAt, type Skin } from "../../figures/skin";
import { axisOf, textOf } from "./axes";
import { against, goodnessIn, openInCurves } from "./choice";
import { tellGroup } from "./parallel";
import type { Key, Swept, SweptGroup } from "./types";

/** A number between -1 and 1 that is always the same for a group. */
function jitterOf(id: string): number {
  let hash = 0;
  for (const letter of id) hash = (Math.imul(hash, 31) + letter.charCodeAt(0)) | 0;
  return ((hash >>> 0) % 2001) / 1000 - 1;
}

const boundsOf = ({ score, low, high }: SweptGroup) => [score, low, high];

function draw(swept: Swept, key: Key, selected: ReadonlySet<string>, width: number, skin: Skin) {
  const scored = swept.groups.filter((group) => group.score !== null);
  const { x, y, left, right, axes, height } = planeOf({
    width,
    skin,
    y: padded(extentOf(scored.flatMap(boundsOf)) ?? [0, 1]),
    yTitle: `score in ${swept.metric}`,
    x: (from, to) => axisOf(key, from + 14, to - 14).scale,
    xTitle: `${key.key}${key.log ? " (logarithmic)" : ""}`,
  });
  const axis = axisOf(key, 0, 1);
  const room = key.kind === "category" ? Math.min(24, ((right - left) / Math.max(1, axis.names.length)) * 0.3) : key.distinct <= 12 ? 5 : 0;
  const goodness = goodnessIn(swept);
  const points = scored.flatMap((group) => {
    const value = axis.valueOf(group);
    return value === null ? [] : [{ group, x: round(x.at(value) + jitterOf(group.id) * room), y: round(y.at(group.score as number)) }];
  });
  const content = (
    <>
      {axes}
      {points.map(({ group, x: across, y: at }) => {
        const bright = selected.has(group.id);
        const bounded = group.low !== null && group.high !== null;
        const color = bright ? rampAt(goodness(group.score as number), skin) : skin.axis;
        return (
          <g key={group.id} class="opens" opacity={bright ? 1 : 0.35} onClick={() => openInCurves([group.id])}>
            {bounded && <path d={`M${across} ${round(y.at(group.low as number))}V${round(y.at(group.high as number))}`} stroke={color} stroke-width="1.3" />}
            <circle cx={across} cy={at} r="3.6" fill={color} stroke={skin.ground} />
            <title>{`${group.name}\n${key.key} = ${textOf(group.config[key.key])}\n${tellGroup(group)}`}</title>
          </g>
        );
      })}
    </>
  );
  return { height, content };
}

export function Scatter({ swept, selected, keys }: { swept: Swept; selected: ReadonlySet<string>; keys: readonly string[] }) {
  const name = against.value !== null && keys.includes(against.value) ? against.value : keys[0];
  const key = swept.keys.find((one) => one.key === name);
  if (!key) return null;
  const nowhere = swept.groups.filter((group) => group.score !== null && axisOf(key, 0, 1).valueOf(group) === null).length;
  return (
    <Figure
      name="against"
      title="Score against"
      method={swept.method}
      words={`A point is the mean of a group; bars are intervals, from 3 seeds on.${nowhere ? ` Not drawn: ${nowhere} ${nowhere === 1 ? "group" : "groups"} without a value.` : ""}`}
      controls={
        <select aria-label="setting that scores are drawn against" value={name} onChange={(event) => (against.value = event.currentTarget.value)}>
          {keys.map((one) => (
            <option key={one} value={one}>
              {one}
            </option>
          ))}
        </select>
      }
      draw={(width, skin) => draw(swept, key, selected, width, skin)}
      rows={() => [
        ["group", key.key, "score", "low", "high", "n"],
        ...swept.groups
          .filter((group) => group.score !== null && axisOf(key, 0, 1).valueOf(group) !== null)
          .map((group) => [group.name, typeof group.config[key.key] === "number" ? (group.config[key.key] as number) : textOf(group.config[key.key]), group.score, group.low, group.high, group.n]),
      ]}
    />
  );
}
