// Small curves in the table. Rows in sight are asked for together, a few buckets each.
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { lineParams, openFrame } from "../../api";
import { coalesce } from "../../coalesce";
import { groupById, groupingParams } from "../../groups/state";
import { onPoke } from "../../live";
import { inkOf } from "../../palette";
import { chosenSet } from "../../groups/state";
import type { Group } from "../../types";

const WIDTH = 100;
const HEIGHT = 24;
const BUCKETS = 40;
const MOST = 100; // groups of one request
const PAUSE_MS = 1000;

interface Spark {
  path: string;
  last: readonly [number, number] | null;
}

interface Header {
  buckets: number;
  columns: string[];
  lines: { id: string }[];
}

const known = new Map<string, Spark>(); // by metric and group
const drawn = signal(0); // grows when `known` has something new
const wanted = new Map<string, Set<string>>(); // by metric: groups in sight
const stale = new Set<string>();

const keyOf = (metric: string, id: string) => `${metric}\n${id}`;

function sparkOf(center: Float64Array): Spark {
  let low = Infinity;
  let high = -Infinity;
  for (const value of center) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) return { path: "", last: null };
  const span = high - low || 1;
  let path = "";
  let last: readonly [number, number] | null = null;
  center.forEach((value, i) => {
    if (Number.isNaN(value)) return;
    const x = 2 + ((WIDTH - 6) * i) / Math.max(1, center.length - 1);
    const y = HEIGHT - 3 - ((HEIGHT - 6) * (value - low)) / span;
    path += `${path ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
    last = [x, y];
  });
  return { path, last };
}

const fetchStale = coalesce(async () => {
  for (const [metric, groups] of wanted) {
    const ids = [...groups].filter((id) => stale.has(keyOf(metric, id)) && groupById.value.has(id)).slice(0, MOST);
    if (ids.length === 0) continue;
    for (const id of ids) stale.delete(keyOf(metric, id));
    const params = new URLSearchParams([["metric", metric], ...lineParams(ids), ...groupingParams()]);
    params.set("buckets", String(BUCKETS));
    params.set("band", "none");
    try {
      const response = await fetch(`api/curve?${params}`, { cache: "no-store" });
      if (!response.ok) continue;
      const { header, take } = openFrame<Header>(await response.arrayBuffer());
      take(header.buckets > 0 ? header.buckets + 1 : 0);
      const found = new Map(header.lines.map(({ id }) => {
        const columns = new Map(header.columns.map((name) => [name, take(header.buckets)]));
        return [id, columns.get("center") ?? new Float64Array()];
      }));
      for (const id of ids) known.set(keyOf(metric, id), sparkOf(found.get(id) ?? new Float64Array()));
      drawn.value++;
    } catch {
      for (const id of ids) stale.add(keyOf(metric, id)); // the next poke tries again
    }
  }
  if ([...wanted].some(([metric, groups]) => [...groups].some((id) => stale.has(keyOf(metric, id))))) fetchStale();
}, PAUSE_MS);

onPoke((keys) => {
  for (const [metric, groups] of wanted) {
    for (const id of groups) {
      const runs = groupById.value.get(id)?.runs ?? [];
      if (keys === null || runs.some((run) => keys.has(run.key))) stale.add(keyOf(metric, id));
    }
  }
  if (stale.size > 0) fetchStale();
});

export function Sparkline({ metric, group }: { metric: string; group: Group }) {
  const { id } = group;
  useEffect(() => {
    const ids = wanted.get(metric) ?? new Set<string>();
    wanted.set(metric, ids.add(id));
    if (!known.has(keyOf(metric, id))) {
      stale.add(keyOf(metric, id));
      setTimeout(() => fetchStale(true), 30); // after all rows of this frame have asked
    }
    return () => {
      ids.delete(id);
    };
  }, [metric, id, group.runs.length]);
  void drawn.value;
  const spark = known.get(keyOf(metric, id));
  const color = chosenSet.value.has(id) ? inkOf(id).color : "currentColor";
  return (
    <svg class="spark" width={WIDTH} height={HEIGHT} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={`${metric} over steps`}>
      {spark && <path d={spark.path} fill="none" stroke={color} stroke-width="1.3" stroke-linejoin="round" />}
      {spark?.last && <circle cx={spark.last[0]} cy={spark.last[1]} r="1.8" fill={color} />}
    </svg>
  );
}
