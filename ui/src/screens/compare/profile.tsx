// The share of runs that are better than each threshold.
import { Figure } from "../../figures/figure";
import { legendOf } from "../../figures/parts";
import { everyPixels, Lines, planeOf } from "../../figures/plane";
import { linear } from "../../figures/scales";
import type { Skin } from "../../figures/skin";
import type { Comparison } from "./types";

/** Every value twice, because it holds until the next threshold: steps. */
function stepped<T>(values: readonly T[], shift: number): T[] {
  return values.flatMap((value) => [value, value]).slice(shift, values.length * 2 - 1 + shift);
}

function draw(answer: Comparison, width: number, skin: Skin) {
  const { taus, lines, label } = answer.profile;
  const labels = new Map(answer.groups.map((group) => [group.id, group.label]));
  const plane = planeOf({
    width,
    skin,
    legend: legendOf(lines.map(({ id }) => ({ id, label: labels.get(id) ?? id })), width, skin),
    y: [0, 1],
    yTitle: label,
    yLabel: (share) => `${Math.round(share * 100)} %`,
    x: (left, right) => linear([taus[0] ?? 0, taus[taus.length - 1] ?? 1], left, right, everyPixels(width)),
    xTitle: `threshold on ${answer.tasks ? "the normalised score" : answer.metric}`,
  });
  const drawn = lines.map(({ id, share, low, high, n }, i) => {
    const ys = stepped(share, 0);
    // The shape lies where the line falls, each at its own heights: at the top and at the bottom all lines are one
    const falls = ys.flatMap((value, at) => (value !== null && value > 0 && value < 1 ? [at] : []));
    const marks = [0.2, 0.7].map((part) => falls[Math.floor(falls.length * (part + (0.2 * i) / lines.length))]).filter((at) => at !== undefined);
    const label = labels.get(id) ?? id;
    return { id, label, told: `${label}, n = ${n}`, xs: stepped(taus, 1), ys, low: low && stepped(low, 0), high: high && stepped(high, 0), marks };
  });
  const content = (
    <>
      {plane.axes}
      <Lines lines={drawn} plane={plane} skin={skin} />
    </>
  );
  return { height: plane.height, content };
}

export function ProfileFigure({ answer }: { answer: Comparison }) {
  const labels = new Map(answer.groups.map((group) => [group.id, group.label]));
  return (
    <Figure
      name="profile"
      title="Performance profile"
      method={answer.method}
      words={`The ${answer.profile.label}: the higher line is the better one.`}
      draw={(width, skin) => draw(answer, width, skin)}
      rows={() => [
        ["group", "n", "threshold", "share", "low", "high"],
        ...answer.profile.lines.flatMap((line) => answer.profile.taus.map((tau, i) => [labels.get(line.id), line.n, tau, line.share[i], line.low?.[i], line.high?.[i]])),
      ]}
    />
  );
}
