// How returns are distributed over training: a mean hides that some episodes fail and the others do not.
import { useMemo } from "preact/hooks";
import { useAnswer } from "../../answer";
import { count, short } from "../../format";
import { headlineOf, IS_RETURN } from "../../groups/headline";
import { dark } from "../../palette";
import { axisName, positionText } from "../curves/axis_text";
import { xAxis } from "../curves/settings";
import { Chart } from "./chart";
import { Chooser } from "./chooser";
import { heatOf, type Heat } from "./heat_map";
import { Media } from "./media";
import { momentsOf, nearestMoment } from "./moments";
import { bucketOf } from "./plot";
import { distributionResource, question } from "./questions";
import { at, type Details, spread, type Summary, zoom } from "./state";

const HEIGHT = 420;
const BINS = 50;
const MOST_BUCKETS = 200;
/** Points that a bucket should have, for shares to mean something. */
const ENOUGH = 40;

/** The return of which there are the most points. */
function usual(metrics: readonly Summary[]): string | undefined {
  const returns = metrics.filter(({ metric }) => IS_RETURN.test(metric)).sort((a, b) => b.points - a.points);
  return returns[0]?.metric ?? headlineOf(metrics.map((one) => one.metric));
}

function percent(share: number): string {
  return `${share < 0.1 ? Number((100 * share).toPrecision(2)) : Math.round(100 * share)} %`;
}

function Legend({ heat }: { heat: Heat }) {
  const ground = `linear-gradient(to right, ${heat.colors.filter((_, i) => i % 9 === 0).join(", ")})`;
  
  return (
    <div class="shades" role="img" aria-label={`colours from 0 to ${percent(heat.top)} or more of a column's points`}>
      <span>0</span>
      <span class="scale" style={{ backgroundImage: ground }} />
      {/* The colour goes with the square root of the share */}
      <span>{`${percent(heat.top)} or more`}</span>
      <span class="quiet">{`of the points of a column (middle of the scale: ${percent(heat.top / 4)})`}</span>
      <span class="mean-key" />
      <span>mean</span>
    </div>
  );
}

export function Episodes({ run, metrics }: { run: Details; metrics: readonly Summary[] }) {
  const metric = spread.value ?? usual(metrics);
  const x = xAxis.value;
  const points = metrics.find((one) => one.metric === metric)?.points ?? 0;
  // A power of two, so that a growing run is not divided anew with every point
  const buckets = Math.max(8, Math.min(MOST_BUCKETS, 2 ** Math.floor(Math.log2(points / ENOUGH + 1))));
  const url = metric === undefined || points === 0 ? null : question("histogram", metric, run.key, x, zoom.value, { buckets, bins: BINS });
  const { value: found, problem, url: answered } = useAnswer(url, { run: run.key, make: distributionResource });
  const moments = useMemo(() => momentsOf(run, x), [run, x]);
  const isDark = dark.value;
  const heat = useMemo(() => (found && found.edges.length > 0 ? heatOf(found.values, found.counts, isDark) : null), [found, isDark]);
  const window = found?.x === x ? zoom.value : null;
  const ink = isDark ? "#ff8d50" : "#cf5600";
  const picture = useMemo(
    () => found && heat ? { x: found.x, edges: found.edges, center: found.mean, sparse: false, breaks: [], heat, window, marks: moments.map((moment) => moment.x), at: at.value ?? null, color: ink } : null,
    [found, heat, window, moments, at.value, ink],
  );
  if (metric === undefined) return <p class="hint">This run has no metrics.</p>;
  const width = found && found.mean.length > 0 ? ((found.edges[found.mean.length] ?? 0) - (found.edges[0] ?? 0)) / found.mean.length : 1;
  return (
    <div class={moments.length > 0 ? "overview with-media" : "overview"}>
      <section class={answered === url ? "" : "stale"} aria-label={`Distribution of ${metric}`} data-metric={metric} data-points={answered === url ? found?.points : undefined}>
        <Chooser metrics={metrics} metric={metric} choice={spread} />
        {problem && <p class="problem">{problem}</p>}
        {picture && found ? (
          <>
            <Legend heat={picture.heat} />
            <Chart
              picture={picture}
              height={HEIGHT}
              label={`How the values of ${metric} are distributed over ${axisName(x)}`}
              tip={({ bucket, value }) => {
                const v = bucketOf(found.values, value);
                const total = picture.heat.totals[bucket] ?? 0;
                const n = v < 0 ? 0 : (found.counts[bucket * (found.values.length - 1) + v] ?? 0);
                const place = (i: number) => positionText(x, found.edges[i] ?? NaN, width);
                return (
                  <>
                    <b>{`${place(bucket)} to ${place(bucket + 1)}`}</b>
                    {v >= 0 && <span>{`${short(found.values[v] ?? NaN)} to ${short(found.values[v + 1] ?? NaN)}`}</span>}
                    <span>{`${count(n)} of ${count(total)} points${total > 0 ? ` (${percent(n / total)})` : ""}`}</span>
                    {total > 0 && <span class="quiet">{`mean ${short(found.mean[bucket] ?? NaN)}`}</span>}
                  </>
                );
              }}
            />
            <p class="quiet how">
              {`${count(found.points)} ${found.points === 1 ? "point" : "points"}${found.nonfinite ? `, ${count(found.nonfinite)} of them NaN or infinite and left out` : ""}; ` +
                `${found.mean.length} columns, ${found.values.length - 1} equal bins from the smallest to the largest value. Drag to zoom, double-click to zoom out.`}
            </p>
          </>
        ) : (
          <p class="hint">{found || url === null ? `This run has no points of ${metric} here.` : "loading"}</p>
        )}
      </section>
      <Media run={run} moments={moments} index={nearestMoment(moments, at.value)} />
    </div>
  );
}
