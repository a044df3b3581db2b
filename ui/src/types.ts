// What the server says, as the HTTP contract names it.

export type Status = "running" | "finished" | "failed" | "interrupted" | "killed";

export type XAxis = "step" | "time" | "relative";

/** Two ends of a window in the units of the x-axis. */
export type Span = readonly [lo: number, hi: number];

export interface RunInfo {
  key: string;
  id: string;
  project: string;
  name: string;
  config: Record<string, unknown>;
  tags: string[];
  status: Status;
  error: string | null;
  started: number;
  ended: number | null;
  lost: number;
}

export interface Metric {
  name: string;
  runs: string[];
}

/** One run of a curve: a column of every statistic, one value per bucket; NaN where a bucket is empty. */
export interface Line {
  key: string;
  points: number;
  nonfinite: number;
  count: Float64Array;
  mean: Float64Array;
  min: Float64Array;
  max: Float64Array;
}

/** A metric over common buckets: bucket i lies between edges[i] and edges[i + 1]. */
export interface Curve {
  metric: string;
  x: XAxis;
  buckets: number;
  edges: Float64Array;
  lines: Line[];
  version: number;
}
