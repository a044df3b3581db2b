// What a chart asks the server, and how its answer is read.
import { lineParams, openFrame, Resource } from "../../api";
import { naturally } from "../../format";
import { chosen, groupingParams, groupOfRun } from "../../groups/state";
import type { Curve, Line } from "../../types";
import { band, center, lines, smoothing, xAxis, zoom } from "./settings";

/** The address of the curve of some metrics for the chosen lines. */
export function curveUrl(metrics: readonly string[], buckets: number): string {
  const params = new URLSearchParams(metrics.map((name) => ["metric", name]));
  for (const [name, value] of [...lineParams(chosen.value), ...groupingParams()]) params.append(name, value);
  params.set("x", xAxis.value);
  if (zoom.value) {
    params.set("lo", String(zoom.value[0]));
    params.set("hi", String(zoom.value[1]));
  }
  params.set("buckets", String(buckets));
  if (center.value !== "auto") params.set("center", center.value);
  if (band.value !== "auto") params.set("band", band.value);
  if (smoothing.value) params.set("smooth", smoothing.value);
  if (lines.value === "seeds") params.set("seeds", "1");
  return `api/curve?${params}`;
}

const COLUMNS = ["count", "center", "low", "high", "n"] as const;

interface Header extends Omit<Curve, "edges" | "lines"> {
  lines: (Omit<Line, (typeof COLUMNS)[number] | "center_name"> & { center: string })[];
}

export function curveResource(): Resource<Curve> {
  return new Resource(async (response) => {
    const { header, take } = openFrame<Header>(await response.arrayBuffer());
    const { buckets } = header;
    const edges = buckets > 0 ? take(buckets + 1) : new Float64Array();
    const read = header.lines.map((told): Line => {
      const line = { ...told, center_name: told.center } as unknown as Line;
      for (const column of COLUMNS) line[column] = take(buckets);
      return line;
    });
    return { ...header, edges, lines: bySeed(read) };
  });
}

/** Lines of runs of one group by their seeds, which end their labels; the server has the newest first. */
function bySeed(lines: Line[]): Line[] {
  const places = new Map<string, number>();
  const placed = lines.map((line) => {
    const of = `${groupOfRun.peek().get(line.id)?.id ?? line.id} ${line.metric}`;
    if (!places.has(of)) places.set(of, places.size);
    return { line, place: places.get(of) as number };
  });
  return placed.sort((a, b) => a.place - b.place || naturally(a.line.label, b.line.label)).map(({ line }) => line);
}

/** A line of one run has true bounds, and n counts its points; else n counts seeds. */
export function isOneRun(line: Line): boolean {
  return line.runs < 2;
}

/** What tells a line of a chart from the others; ids hold no line break. */
export function lineKey(line: Line): string {
  return `${line.id}\n${line.metric}`;
}
