// Conditional GETs, and the binary answer of /api/curve.
import type { Curve, Line, Metric, RunInfo, Span, XAxis } from "./types";

/** The server answered, and said no: 404 when a run is gone, 400 when it did not understand. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** One thing that is asked for again and again; remembers the ETag of the address it asked last. */
export class Resource<T> {
  private url = "";
  private etag = "";

  constructor(private readonly decode: (response: Response) => Promise<T>) {}

  /** The new value, or undefined where the server says it is still the one of the last call. */
  async get(url: string, signal?: AbortSignal): Promise<T | undefined> {
    const known = url === this.url ? this.etag : "";
    const headers: Record<string, string> = known ? { "If-None-Match": known } : {};
    const response = await fetch(url, { headers, cache: "no-store", ...(signal && { signal }) });
    if (response.status === 304) return undefined;
    if (!response.ok) throw new Refused(response.status, await sentence(response));
    const value = await this.decode(response);
    this.url = url;
    this.etag = response.headers.get("ETag") ?? "";
    return value;
  }

  forget(): void {
    this.etag = "";
  }
}

async function sentence(response: Response): Promise<string> {
  const fallback = `the server answered ${response.status}`;
  try {
    const body = (await response.json()) as { error?: unknown };
    return typeof body.error === "string" ? body.error : fallback;
  } catch {
    return fallback;
  }
}

export const runsResource = () =>
  new Resource<RunInfo[]>(async (response) => ((await response.json()) as { runs: RunInfo[] }).runs);

export const metricsResource = () =>
  new Resource<Metric[]>(async (response) => ((await response.json()) as { metrics: Metric[] }).metrics);

export const curveResource = () => new Resource<Curve>(async (response) => decodeCurve(await response.arrayBuffer()));

export interface CurveQuery {
  metric: string;
  runs: readonly string[];
  x: XAxis;
  window: Span | null;
  buckets: number;
}

export function metricsUrl(runs: readonly string[]): string {
  return `api/metrics?${new URLSearchParams(runs.map((key) => ["run", key]))}`;
}

export function curveUrl(query: CurveQuery): string {
  const params = new URLSearchParams({ metric: query.metric });
  for (const key of query.runs) params.append("run", key);
  params.set("x", query.x);
  if (query.window) {
    params.set("lo", String(query.window[0]));
    params.set("hi", String(query.window[1]));
  }
  params.set("buckets", String(query.buckets));
  return `api/curve?${params}`;
}

interface CurveHeader {
  metric: string;
  x: XAxis;
  buckets: number;
  columns: string[];
  runs: { key: string; points: number; nonfinite: number }[];
  version: number;
}

/** The columns are views of the answer itself: nothing is copied. */
export function decodeCurve(bytes: ArrayBuffer): Curve {
  const size = new DataView(bytes).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 4, size))) as CurveHeader;
  const buckets = header.buckets;
  let at = 4 + size;
  const take = (length: number): Float64Array => {
    const column = new Float64Array(bytes, at, length);
    at += 8 * length;
    return column;
  };
  const edges = take(buckets > 0 ? buckets + 1 : 0);
  const lines = header.runs.map((run): Line => {
    const columns: Record<string, Float64Array> = {};
    for (const name of header.columns) columns[name] = take(buckets);
    const { count, mean, min, max } = columns;
    if (!count || !mean || !min || !max) throw new Error("the answer of /api/curve lacks a column");
    return { ...run, count, mean, min, max };
  });
  return { metric: header.metric, x: header.x, buckets, edges, lines, version: header.version };
}
