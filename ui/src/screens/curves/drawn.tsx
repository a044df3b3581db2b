// A chart that is in sight, or nearly: asks for its curve, draws it, and tells what is drawn.
import { useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { go } from "../../address";
import { chosenRuns, chosenSet, groupOfRun, refreshGroups } from "../../groups/state";
import { onPoke } from "../../live";
import { dark } from "../../palette";
import type { Curve, Line } from "../../types";
import { axisName } from "./axis_text";
import { allMethods, Footer, notesOf, warningsOf } from "./footer";
import { Head } from "./head";
import { Legend } from "./legend";
import { CurveLoader } from "./loader";
import { type Hover, type Left, Plot } from "./plot";
import { curveUrl, lineKey } from "./question";
import type { Scaling } from "./ranges";
import { saveCsv, savePng } from "./save";
import { enlarged, having, isolated, logX, logY, outliers, shownWindow, size, xAxis, yEnds, zoom } from "./settings";
import { strokesOf } from "./strokes";
import { reached, resetZoom, setZoom } from "./window";

export const HEIGHTS = { small: 170, medium: 220, large: 320 };

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
  data.lines = String(curve.lines.length);
}

/** The curve without lines that are not chosen any more; the server's next answer lacks them too. */
function stillChosen(curve: Curve | null): Curve | null {
  if (!curve) return null;
  const there = ({ id }: Line) => chosenSet.value.has(id) || chosenSet.value.has(groupOfRun.value.get(id)?.id ?? "");
  return curve.lines.every(there) ? curve : { ...curve, lines: curve.lines.filter(there) };
}

function openRun(line: Line, x: number, axis: string): void {
  const run = line.keys[0];
  if (run) go("run", { run, at: axis === "step" ? String(Math.round(x)) : null });
}

export function Drawn({ section, metrics }: { section: RefObject<HTMLElement | null>; metrics: string[] }) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<Plot | null>(null);
  const loader = useRef<CurveLoader | null>(null);
  const width = useSignal(0);
  const answer = useSignal<{ curve: Curve; url: string } | null>(null);
  const problem = useSignal<string | null>(null);
  const hover = useSignal<Hover | null>(null);
  const left = useSignal<Left>({ cut: 0, unloggable: 0 });

  const url = width.value > 0 ? curveUrl(metrics, bucketsFor(width.value)) : "";
  const height = enlarged.value === metrics[0] ? Math.max(260, innerHeight - 385) : HEIGHTS[size.value];
  const latest = useRef({ metrics: "", height });
  latest.current.height = height;

  useEffect(() => {
    const root = section.current as HTMLElement;
    const box = host.current as HTMLDivElement;
    let frame = 0;
    const load = new CurveLoader({
      curve: (curve, asked) => {
        answer.value = { curve, url: asked };
        if (!zoom.peek() && curve.x === xAxis.peek() && curve.buckets > 0) reached(...(curve.extent ?? [curve.edges[0] ?? 0, curve.edges[curve.buckets] ?? 0]));
      },
      problem: (sentence) => {
        problem.value = sentence;
        if (sentence) refreshGroups();
      },
    });
    const show = new Plot(box, {
      hover: (told) => {
        cancelAnimationFrame(frame);
        frame = requestAnimationFrame(() => (hover.value = told));
      },
      zoom: setZoom,
      reset: resetZoom,
      open: (line, x) => openRun(line, x, xAxis.peek()),
      drawn: (curve, told) => {
        stamp(root, curve);
        const { cut, unloggable } = left.peek();
        if (cut !== told.cut || unloggable !== told.unloggable) left.value = told;
      },
    });
    loader.current = load;
    plot.current = show;
    const measure = new ResizeObserver(() => {
      width.value = box.clientWidth;
      show.resize(box.clientWidth, latest.current.height);
    });
    measure.observe(box);
    load.show(true);
    const hangUp = onPoke((poke) => {
      if (poke?.size === 0) load.show(true);
      else if (poke === null || [...poke].some((key) => chosenRuns.peek().has(key))) load.poke();
    });
    return () => {
      cancelAnimationFrame(frame);
      hangUp();
      measure.disconnect();
      load.close();
      show.clear();
    };
  }, []);

  // Before anything is painted: the server works while the old data are drawn at the new range
  useLayoutEffect(() => {
    if (url) loader.current?.ask(url);
  }, [url]);

  // A group that got another run is another question, though its address is the same
  const runs = [...chosenRuns.value].join("\n");
  useEffect(() => {
    if (url) loader.current?.poke();
  }, [runs]);

  const curve = stillChosen(answer.value?.curve ?? null);
  const waiting = curve !== null && answer.value?.url !== url;
  const lines = curve?.lines ?? [];
  const strokes = strokesOf(lines, metrics);
  const alone = new Set(isolated.value);
  const some = lines.some((line) => alone.has(line.id));
  const isShown = (line: Line) => !some || alone.has(line.id);
  const shown = lines.filter(isShown);
  const empty = curve !== null && lines.every((line) => line.points === 0);
  const fits = curve !== null && curve.x === xAxis.value;
  const scaling: Scaling = {
    window: fits ? shownWindow.value : null,
    logX: logX.value,
    logY: logY.value,
    calm: outliers.value === "ignore",
    ends: yEnds.value,
  };
  const ink = strokes.filter((_, i) => isShown(lines[i] as Line));
  const places = lines.map((line) => shown.indexOf(line));

  useLayoutEffect(() => {
    if (!curve || !plot.current) return;
    if (curve.buckets === 0 || shown.length === 0) {
      plot.current.clear();
      stamp(section.current as HTMLElement, curve);
    } else plot.current.draw(curve, shown, ink, scaling, height);
  }, [answer.value, JSON.stringify([ink, shown.map(lineKey), scaling.logX, scaling.logY]), dark.value]);

  useEffect(() => {
    if (fits) plot.current?.look(scaling);
  }, [JSON.stringify(scaling)]);

  useEffect(() => plot.current?.resize(width.value, height), [height]);

  const near = hover.value?.near ?? null;
  const nearPlace = near === null ? null : places.indexOf(near);
  const save = (ending: "png" | "csv") => {
    const canvas = plot.current?.canvas();
    if (!curve) return;
    if (ending === "csv") saveCsv(curve);
    else if (canvas) savePng(curve, canvas, strokes, lines.map(isShown), [allMethods(curve), ...notesOf(curve), ...warningsOf(curve, left.value, shown.length)].join(". "));
  };
  const isolate = (line: Line, one: boolean) => {
    isolated.value = one ? having(isolated.value, line.id, !alone.has(line.id)) : [];
  };
  return (
    <>
      <Head metrics={metrics} {...(curve && { save })} />
      <div class={curve || problem.value ? (waiting ? "plot waiting" : "plot") : "plot loading"} style={{ height: `${height}px` }}>
        <div ref={host} role="img" aria-label={`${metrics.join(", ")} over ${axisName(xAxis.value)}; the table below has the numbers`} />
        {curve === null && !problem.value && <p class="note">loading</p>}
        {empty && !problem.value && <p class="note">no points in this window</p>}
        {problem.value && (curve ? <p class="strip bad">{problem.value}</p> : <p class="note bad">{problem.value}</p>)}
      </div>
      {curve && (
        <Legend
          curve={curve}
          strokes={strokes}
          at={hover.value ? places.map((place) => (place < 0 ? null : (hover.value?.indexes[place] ?? null))) : null}
          near={nearPlace}
          shown={isShown}
          light={(place) => plot.current?.light(place === null ? null : (places[place] ?? null))}
          isolate={isolate}
        />
      )}
      {curve && lines.length > 0 && <Footer curve={curve} left={left.value} drawn={shown.length} />}
    </>
  );
}
