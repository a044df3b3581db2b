// The curve of a run, large, and the media that were logged where the reader points.
import { useMemo } from "preact/hooks";
import { useAnswer } from "../../answer";
import { count, short } from "../../format";
import { headlineOf } from "../../groups/headline";
import { inkOf } from "../../palette";
import type { Line } from "../../types";
import { axisName, positionText } from "../curves/axis_text";
import { curveResource } from "../curves/question";
import { xAxis } from "../curves/settings";
import { breaksOf, isSparse, nearest } from "../curves/table";
import { Chart } from "./chart";
import { Chooser } from "./chooser";
import { Media } from "./media";
import { hasPlaces, momentsOf, nearestMoment } from "./moments";
import type { Picture } from "./plot";
import { question } from "./questions";
import { at, type Details, headline, type Summary, zoom } from "./state";

const HEIGHT = 420;
const BUCKETS = 800;
/** So many points get a dot each, where they lie in buckets of their own. */
const DOTS = 100;

/** Whether most buckets that hold anything hold one point: a band would be there in the few others only, like a comb. */
function isThin({ count: held, points }: Line): boolean {
  return points < 1.5 * held.reduce((n, one) => n + Math.min(1, one), 0);
}

function Tip({ curve, bucket: under }: { curve: Picture & Line; bucket: number }) {
  const bucket = nearest(curve.center, under) ?? under;
  const [from, to] = [curve.edges[bucket] ?? NaN, curve.edges[bucket + 1] ?? NaN];
  const n = curve.count[bucket] ?? 0;
  return (
    <>
      <b>{positionText(curve.x, (from + to) / 2, to - from)}</b>
      <span>{`${n === 1 ? "" : "mean "}${short(curve.center[bucket] ?? NaN)}`}</span>
      {n > 1 && <span>{`from ${short(curve.low[bucket] ?? NaN)} to ${short(curve.high[bucket] ?? NaN)}`}</span>}
      <span class="quiet">{`n = ${count(n)}`}</span>
    </>
  );
}

export function Overview({ run, metrics }: { run: Details; metrics: readonly Summary[] }) {
  const metric = headline.value ?? headlineOf(metrics.map((one) => one.metric));
  const x = xAxis.value;
  const points = metrics.find((one) => one.metric === metric)?.points ?? 0;
  const url = metric === undefined ? null : question("curve", metric, run.key, x, zoom.value, { buckets: points > BUCKETS ? BUCKETS / 2 : BUCKETS });
  const { value: curve, problem, url: answered } = useAnswer(url, { run: run.key, make: curveResource });
  const line = curve?.lines[0];
  const bare = line !== undefined && isThin(line);
  const moments = useMemo(() => momentsOf(run, x), [run, x]);
  const index = nearestMoment(moments, at.value);
  const ink = inkOf(run.key).color;
  const window = curve?.x === x ? zoom.value : null;
  const picture = useMemo(
    () => curve && line ? { ...line, x: curve.x, edges: curve.edges, bare, sparse: isSparse(line) || (bare && line.points <= DOTS), breaks: breaksOf(curve, line), window, marks: moments.map((moment) => moment.x), at: at.value ?? null, color: ink } : null,
    [curve, line, window, moments, at.value, ink],
  );
  const pictures = run.events.some(({ kind }) => kind === "image" || kind === "video");
  return (
    <div class={moments.length > 0 ? "overview with-media" : "overview"}>
      {metric === undefined ? (
        <p class="hint">This run has no metrics.</p>
      ) : (
        <section class={answered === url ? "" : "stale"} aria-label={`Curve of ${metric}`} data-metric={metric} data-points={answered === url ? (line?.points ?? 0) : undefined}>
          <Chooser metrics={metrics} metric={metric} choice={headline} />
          {problem && <p class="problem">{problem}</p>}
          {picture ? (
            <>
              <Chart
                picture={picture}
                height={HEIGHT}
                label={`${metric} over ${axisName(x)}`}
                tip={(seen) => <Tip curve={picture} bucket={seen.bucket} />}
              />
              <p class="quiet how">
                {`${count(picture.points)} ${picture.points === 1 ? "point" : "points"}${picture.nonfinite ? `, ${count(picture.nonfinite)} of them NaN or infinite` : ""}; ${bare ? picture.method.replace(/^(one[^;]*);.*/, "$1").replace(/; band.*/, "; no band, as most buckets hold one point") : picture.method}. `}
                {moments.length > 0 && "▲ images or videos: click near one, or step with ← →. "}
                {pictures && !hasPlaces(x) && `Images and videos have no known place on the axis ${axisName(x)}.`}
              </p>
            </>
          ) : (
            <p class="hint">{curve ? `This run has no points of ${metric} here.` : "loading"}</p>
          )}
        </section>
      )}
      <Media run={run} moments={moments} index={index} />
    </div>
  );
}
