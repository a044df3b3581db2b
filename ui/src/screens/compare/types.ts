// What /api/compare answers.
import type { Setting } from "../../types";

export interface Interval {
  center: number | null;
  low: number | null;
  high: number | null;
  n: number;
  label: string;
  method: string;
  notes: string[];
}

export interface Contender {
  id: string;
  label: string;
  n: number;
  running: number;
  missing: number;
  nonfinite: number;
  unreadable: number;
  seeds: Setting[];
  keys: string[];
  scores: (number | null)[];
  std: number | null;
  mean: Interval;
  median: Interval;
  iqm: Interval;
  /** Only of a comparison over tasks. */
  gap?: Interval;
  tasks?: string[];
}

export interface Profile {
  taus: number[];
  label: string;
  method: string;
  lines: { id: string; share: (number | null)[]; low: (number | null)[] | null; high: (number | null)[] | null; n: number }[];
}

export interface Pair {
  x: string;
  y: string;
  p: number | null;
  low: number | null;
  high: number | null;
  n: [number, number];
  notes: string[];
}

export interface Comparison {
  version: number;
  metric: string;
  score: string;
  lower: boolean;
  task: string | null;
  tasks: string[] | null;
  tasks_left_out: string[];
  groups: Contender[];
  profile: Profile;
  improvement: { label: string; method: string; pairs: Pair[] };
  method: string;
}
