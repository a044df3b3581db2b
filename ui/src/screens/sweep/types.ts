// What /api/sweep answers.
import type { Setting } from "../../types";

export interface Key {
  key: string;
  kind: "number" | "category";
  log: boolean;
  values: Setting[];
  distinct: number;
}

export interface SweptGroup {
  id: string;
  name: string;
  /** Runs with a score. */
  n: number;
  runs: number;
  running: number;
  config: Record<string, Setting>;
  score: number | null;
  low: number | null;
  high: number | null;
  scores: (number | null)[];
  /** Seconds, mean over its runs. */
  wall: number | null;
  front: boolean;
}

export interface Importance {
  key: string;
  importance: number | null;
  null_low: number | null;
  null_high: number | null;
  rank: number | null;
  p: number | null;
  correlation: number | null;
  n: number;
  note: string;
}

export interface Swept {
  version: number;
  metric: string;
  score: string;
  lower: boolean;
  pending: number;
  keys: Key[];
  groups: SweptGroup[];
  importance: { method: string; n_groups: number; why_not: string; keys: Importance[] };
  method: string;
}
