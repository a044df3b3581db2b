// One metric: its plot, its legend and a line that says what is shown.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { CurveLoader } from "./curves";
import { count } from "./format";
import { Legend } from "./legend";
import { onPoke } from "./live";
import { dark, inkOf } from "./palette";
import { HEIGHT, MOST_BANDS, Plot } from "./plot";
import { chosen, refreshRuns } from "./state";
import type { Curve, Metric } from "./types";
import { setZoom, xAxis, zoom } from "./view";

/** Two CSS pixels a bucket; in steps, so that a small change of width asks for nothing new. */
function bucketsFor(width: number): number {
  const plot = width - 60;
  return Math.min(1000, Math.max(100, Math.round(plot / 40) * 20));
}

/** What a test (or a curious person) reads off a chart, after it was drawn. */
function stamp(section: HTMLElement, curve: Curve): void {
  const data = section.dataset;
  data.points = String(curve.lines.reduce((sum, line) => sum + line.points, 0));
  data.lo = String(curve.edges[0] ?? "");
  data.hi = String(curve.edges[curve.buckets] ?? "");
  data.buckets = String(curve.buckets);
  data.version = String(curve.version);
}

/** The curve without runs that are not drawn any more; the server's next answer lacks them too. */
function shownOf(curve: Curve | null, drawn: ReadonlySet<string>): Curve | null {
  if (!curve || curve.lines.every((line) => drawn.has(line.key))) return curve;
  return { ...curve, lines: curve.lines.filter((line) => drawn.has(line.key)) };
}

export function Chart({ metric }: { metric: Metric }) {
  const section = useRef<HTMLElement>(null);
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<Plot | null>(null);
  const loader = useRef<CurveLoader | null>(null);
  const width = useSignal(0);
  const curve = useSignal<Curve | null>(null);
  const problem = useSignal<string | null>(null);
  const hover = useSignal<(number | null)[] | null>(null);
  const answered = useSignal("");

  const drawn = new Set(chosen.value);
  const keys = metric.runs.filter((key) => drawn.has(key));
  const question = JSON.stringify([keys, xAxis.value, zoom.value, bucketsFor(width.value)]);
  const latest = useRef({ keys, question });
  latest.current = { keys, question };

  useEffect(() => {
    const root = section.current as HTMLElement;
    const box = host.current as HTMLDivElement;
    let visible = false;
    let frame = 0;
    const load = new CurveLoader({
      curve: (fresh) => {
        curve.value = fresh;
        answered.value = latest.current.question;
      },
      problem: (sentence) => (problem.value = sentence),
      gone: refreshRuns,
    });
    const show = new Plot(box, {
      hover: (indexes) => {
        cancelAnimationFrame(frame);
        if (visible) frame = requestAnimationFrame(() => (hover.value = indexes));
      },
      zoom: setZoom,
      reset: () => (zoom.value = null),
      drawn: (fresh) => stamp(root, fresh),
    });
    loader.current = load;
    plot.current = show;
    const sight = new IntersectionObserver(
      (entries) => {
        visible = entries.some((entry) => entry.isIntersecting);
        load.show(visible);
      },
      { rootMargin: "150px" },
    );
    const size = new ResizeObserver(() => {
      width.value = box.clientWidth;
      show.resize(box.clientWidth);
    });
    sight.observe(root);
    size.observe(box);
    const hangUp = onPoke((poke) => {
      if (poke === null || poke.size === 0 || latest.current.keys.some((key) => poke.has(key))) {
        if (poke?.size === 0) load.show(visible);
        else load.poke();
      }
    });
    return () => {
      cancelAnimationFrame(frame);
      hangUp();
      sight.disconnect();
      size.disconnect();
      load.close();
      show.clear();
    };
  }, []);

  useEffect(() => {
    if (width.value === 0 || keys.length === 0) return;
    loader.current?.ask({
      metric: metric.name,
      runs: keys,
      x: xAxis.value,
      window: zoom.value,
      buckets: bucketsFor(width.value),
    });
  }, [metric.name, question]);

  const now = shownOf(curve.value, drawn);
  const waiting = now !== null && answered.value !== question;
  const inks = now ? now.lines.map((line) => inkOf(line.key)) : [];
  const empty = now !== null && (now.buckets === 0 || now.lines.every((line) => line.points === 0));

  useEffect(() => {
    if (!now || !plot.current) return;
    if (now.buckets === 0) {
      plot.current.clear();
      stamp(section.current as HTMLElement, now);
    } else {
      plot.current.draw(now, now.x === xAxis.value ? zoom.value : null, inks, dark.value);
    }
  }, [curve.value, JSON.stringify(inks), dark.value]);

  useEffect(() => {
    if (now && now.x === xAxis.value) plot.current?.look(zoom.value);
  }, [zoom.value]);

  const cut = metric.name.lastIndexOf("/") + 1;
  return (
    <section class="chart" ref={section} data-metric={metric.name} aria-label={metric.name}>
      <h3 title={metric.name}>
        <span class="prefix">{metric.name.slice(0, cut)}</span>
        {metric.name.slice(cut)}
      </h3>
      <div class={waiting ? "plot waiting" : "plot"} style={{ height: `${HEIGHT}px` }}>
        <div ref={host} role="img" aria-label={`${metric.name} over ${xAxis.value}: mean, minimum and maximum`} />
        {now === null && !problem.value && <p class="note">loading</p>}
        {empty && <p class="note">no points in this window</p>}
        {problem.value && <p class="note bad">{problem.value}</p>}
      </div>
      {now && <Legend curve={now} hover={hover.value} />}
      {now && <Footer curve={now} />}
    </section>
  );
}

/** Every statistic names its method and n. */
function Footer({ curve }: { curve: Curve }) {
  let points = 0;
  let nonfinite = 0;
  let least = Infinity;
  let most = 0;
  for (const line of curve.lines) {
    points += line.points;
    nonfinite += line.nonfinite;
    for (const n of line.count) {
      if (n === 0) continue;
      least = Math.min(least, n);
      most = Math.max(most, n);
    }
  }
  const per = least === most ? count(most) : `${count(least)} to ${count(most)}`;
  const bands = curve.lines.length <= MOST_BANDS;
  const shown =
    most <= 1
      ? "every point is drawn"
      : `mean of ${per} points per bucket, ${bands ? "band is true min and max" : `no bands for more than ${MOST_BANDS} runs`}`;
  return (
    <footer>
      {most > 0 && `${shown} · `}
      {`${count(points)} ${points === 1 ? "point" : "points"}`}
      {nonfinite > 0 && <span class="warn">{` · ${count(nonfinite)} NaN/inf not drawn`}</span>}
    </footer>
  );
}
