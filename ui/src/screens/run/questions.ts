// The binary answers about one run.
import { openFrame, Resource } from "../../api";
import type { Span, XAxis } from "../../types";

export interface Distribution {
  metric: string;
  x: XAxis;
  points: number;
  nonfinite: number;
  edges: Float64Array;
  values: Float64Array;
  mean: Float64Array;
  counts: Float64Array;
}

export function question(route: string, metric: string, run: string, x: XAxis, window: Span | null, more: Record<string, number>): string {
  const params = new URLSearchParams({ metric, run, x });
  for (const [name, value] of Object.entries(more)) params.set(name, String(value));
  if (window) {
    params.set("lo", String(window[0]));
    params.set("hi", String(window[1]));
  }
  return `api/${route}?${params}`;
}

export function distributionResource(): Resource<Distribution> {
  return new Resource(async (response) => {
    const { header, take } = openFrame<Omit<Distribution, "edges" | "values" | "mean" | "counts"> & { buckets: number; bins: number }>(
      await response.arrayBuffer(),
    );
    const { buckets: b, bins } = header;
    const length = (n: number) => (b > 0 ? n : 0);
    return { ...header, edges: take(length(b + 1)), values: take(length(bins + 1)), mean: take(b), counts: take(b * bins) };
  });
}
