// What the server says, as the HTTP API names it (docs/http-api.md).

export type Status = "running" | "finished" | "failed" | "interrupted" | "killed";

/** step, time, relative, process, or the name of a metric that counts. */
export type XAxis = string;

/** Two ends of a window in the units of the x-axis. */
export type Span = readonly [lo: number, hi: number];

export type Setting = unknown;

/** One run as a member of its group. */
export interface RunInfo {
  key: string;
  id: string;
  name: string;
  seed: Setting;
  status: Status;
  started: number;
  ended: number | null;
  points: number;
  lost: number;
  error: string | null;
  tags: string[];
  note: string;
}

/** Centre, bounds (null: none), n, and which of `methods` they were made by. */
export type Cell = readonly [center: number | null, low: number | null, high: number | null, n: number, method: number];

export interface Group {
  id: string;
  name: string;
  project: string;
  /** Only the settings that vary between the groups. */
  config: Record<string, Setting>;
  tags: string[];
  note: string;
  runs: RunInfo[];
  steps: number | null;
  speed: number | null;
  duration: number;
  values: (Cell | null)[];
}

export interface Groups {
  version: number;
  /** Runs whose values are not known yet. */
  pending: number;
  total: number;
  projects: { name: string; runs: number }[];
  metrics: string[];
  keys: string[];
  shared: Record<string, Setting>;
  unknown: string[];
  methods: string[];
  groups: Group[];
}

export interface Metric {
  name: string;
  /** How many of the lines that were asked about have it. */
  lines: number;
}

/** A group or a run over the buckets of a curve; NaN where a bucket is empty. */
export interface Line {
  metric: string;
  id: string;
  label: string;
  group: boolean;
  keys: string[];
  points: number;
  nonfinite: number;
  runs: number;
  center_name: string;
  band: string;
  method: string;
  notes: string[];
  gaps: [before: number, after: number][];
  nonfinite_at: number[];
  count: Float64Array;
  center: Float64Array;
  low: Float64Array;
  high: Float64Array;
  n: Float64Array;
}

/** Metrics over common buckets: bucket i lies between edges[i] and edges[i + 1]. */
export interface Curve {
  metric: string;
  metrics: string[];
  x: XAxis;
  buckets: number;
  edges: Float64Array;
  /** From the first point to the last; the buckets of runs that go on reach further. */
  extent?: Span | null;
  lines: Line[];
  version: number;
  exact: boolean;
}

export interface Session {
  writable: boolean;
  store: string;
  rolltape: string;
}
