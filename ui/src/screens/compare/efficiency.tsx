// How fast groups learn: the interquartile mean over seeds, bucket by bucket.
import { oneOf, param } from "../../address";
import { type Answer, useAnswer } from "../../answer";
import { lineParams } from "../../api";
import { Figure } from "../../figures/figure";
import { legendOf } from "../../figures/parts";
import { everyPixels, Lines, planeOf } from "../../figures/plane";
import { extentOf, linear, padded } from "../../figures/scales";
import type { Skin } from "../../figures/skin";
import { duration } from "../../format";
import { groupingParams } from "../../groups/state";
import type { Curve, Line } from "../../types";
import { curveResource } from "../curves/question";

const BUCKETS = 200;
const MOST_BANDS = 12;

const AXES = { step: "step", relative: "time since the start of the run" } as const;
const axis = param<keyof typeof AXES>("cx", oneOf("step", "relative"), "step");

export function useEfficiency(metric: string | null, groups: readonly string[]): Answer<Curve> {
  const asked: [string, string][] = [["metric", metric ?? ""], ["x", axis.value], ["buckets", String(BUCKETS)], ["center", "iqm"], ["band", "ci"]];
  const params = new URLSearchParams([...asked, ...lineParams(groups), ...groupingParams()]);
  return useAnswer(metric === null || groups.length === 0 ? null : `api/curve?${params}`, { make: curveResource });
}

function clocked(seconds: number): string {
  return seconds === 0 ? "0" : duration(seconds);
}

function draw(curve: Curve, width: number, skin: Skin) {
  const lines = curve.lines.filter((line) => line.points > 0);
  const banded = lines.length <= MOST_BANDS;
  const held = (line: Line) => (banded && line.runs > 1 ? [...line.center, ...line.low, ...line.high] : [...line.center]);
  const edges = [...curve.edges];
  const middles = edges.slice(0, -1).map((edge, i) => (edge + (edges[i + 1] ?? edge)) / 2);
  const plane = planeOf({
    width,
    skin,
    legend: legendOf(lines, width, skin),
    y: padded(extentOf(lines.flatMap(held)) ?? [0, 1], 0.03),
    yTitle: `IQM of ${curve.metric}`,
    x: (left, right) => {
      const scale = linear([edges[0] ?? 0, edges[edges.length - 1] ?? 1], left, right, everyPixels(width, 110));
      return axis.value === "step" ? scale : { ...scale, ticks: scale.ticks.map(({ value }) => ({ value, label: clocked(value) })) };
    },
    xTitle: AXES[axis.value],
  });
  const drawn = lines.map((line, i) => {
    // Buckets without a point are passed over: a metric that is logged seldom is still one line
    const full = middles.flatMap((_, at) => (Number.isFinite(line.center[at]) ? [at] : []));
    const of = (values: ArrayLike<number>) => full.map((at) => values[at] as number);
    const marks = [0, 1, 2, 3].map((part) => Math.floor((full.length * (part + (i + 0.5) / lines.length)) / 4));
    const bounds = banded && line.runs > 1;
    const told = [line.label, line.method, ...line.notes].join("\n");
    return { id: line.id, label: line.label, told, xs: of(middles), ys: of(line.center), low: bounds ? of(line.low) : null, high: bounds ? of(line.high) : null, marks: [...new Set(marks)] };
  });
  const content = (
    <>
      {plane.axes}
      <Lines lines={drawn} plane={plane} skin={skin} />
    </>
  );
  return { height: plane.height, content };
}

/** The methods of the lines, those that are alike once. */
function methodOf(curve: Curve): string {
  const methods = new Map<string, string[]>();
  for (const line of curve.lines) methods.set(line.method, [...(methods.get(line.method) ?? []), line.label]);
  const told = [...methods].map(([method, labels]) => (methods.size === 1 ? method : `${labels.join(", ")}: ${method}`));
  return `Metric ${curve.metric} over ${AXES[axis.value]} in ${curve.buckets} equal buckets; ${told.join("; ")}`;
}

/** Whether some runs end before others of their group. */
function isRagged({ lines }: Curve): boolean {
  return lines.some(({ n, runs }) => {
    const counts = Array.from(n).filter((count) => count > 0);
    return (counts[counts.length - 1] ?? runs) < runs;
  });
}

/** `order`: the ids of the groups as the other figures have them. */
export function Efficiency({ curve: given, order }: { curve: Curve; order: readonly string[] }) {
  const curve = { ...given, lines: [...given.lines].sort((a, b) => order.indexOf(a.id) - order.indexOf(b.id)) };
  const words = [
    `Interquartile mean over runs in ${curve.buckets} buckets${curve.lines.length > MOST_BANDS ? "; too many groups for bands" : ", with intervals"}.`,
    curve.lines.some((line) => line.runs === 1) ? "A group of one run has no band." : "",
    isRagged(curve) ? "Where some runs have ended, a line is of those that go on." : "",
  ];
  return (
    <Figure
      name="efficiency"
      title="Sample efficiency"
      method={methodOf(curve)}
      words={words.filter(Boolean).join(" ")}
      controls={
        <select aria-label="x-axis of sample efficiency" value={axis.value} onChange={(event) => (axis.value = event.currentTarget.value as keyof typeof AXES)}>
          <option value="step">by step</option>
          <option value="relative">by time</option>
        </select>
      }
      draw={(width, skin) => draw(curve, width, skin)}
      rows={() => [
        ["group", "from", "to", "center", "low", "high", "n"],
        ...curve.lines.flatMap((line) => Array.from(line.center, (center, i) => [line.label, curve.edges[i], curve.edges[i + 1], ...[center, line.low[i], line.high[i]].map((value) => (Number.isFinite(value) ? value : null)), line.n[i]])),
      ]}
    />
  );
}
