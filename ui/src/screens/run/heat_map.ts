// A heat map: how the points of each bucket of x are shared out over bins of values. One hue, darker (or, on dark
// ground, brighter) for more.
import type uPlot from "uplot";

export interface Heat {
  /** Edges of the bins of values. */
  values: Float64Array;
  /** Points, bucket after bucket. */
  counts: Float64Array;
  /** Points of each bucket. */
  totals: Float64Array;
  /** The share that has the strongest colour. */
  top: number;
  /** From no point to `top`. */
  colors: readonly string[];
}

const SHADES = 64;
const LIGHT: readonly Rgb[] = [[226, 238, 248], [120, 178, 220], [20, 92, 158], [6, 36, 82]];
const DARK: readonly Rgb[] = [[26, 46, 66], [24, 92, 148], [86, 172, 236], [224, 243, 255]];

type Rgb = readonly [number, number, number];

/** Shades of one hue that get steadily stronger against the ground. */
export function shades(dark: boolean): string[] {
  const stops = dark ? DARK : LIGHT;
  return Array.from({ length: SHADES }, (_, i) => {
    const place = (i / (SHADES - 1)) * (stops.length - 1);
    const k = Math.min(stops.length - 2, Math.floor(place));
    const [from, to] = [stops[k] as Rgb, stops[k + 1] as Rgb];
    const mixed = from.map((value, c) => Math.round(value + (place - k) * ((to[c] ?? 0) - value)));
    return `rgb(${mixed.join(" ")})`;
  });
}

/** The heat of a matrix [bucket][bin]. */
export function heatOf(values: Float64Array, counts: Float64Array, dark: boolean): Heat {
  const bins = values.length - 1;
  const totals = new Float64Array(bins > 0 ? counts.length / bins : 0);
  const peaks: number[] = [];
  for (let b = 0; b < totals.length; b++) {
    let most = 0;
    for (let v = 0; v < bins; v++) {
      const n = counts[b * bins + v] ?? 0;
      totals[b] = (totals[b] ?? 0) + n;
      if (n > most) most = n;
    }
    if (most > 0) peaks.push(most / (totals[b] ?? 1));
  }
  // A bucket of one point would have all of it in one cell: the strongest colour is that of a usual bucket's peak
  peaks.sort((a, b) => a - b);
  const top = peaks[Math.floor(peaks.length * 0.8)] ?? 1;
  return { values, counts, totals, top, colors: shades(dark) };
}

export function colorOf(heat: Heat, share: number): string {
  // The square root tells few points from none
  const place = Math.sqrt(Math.min(1, share / heat.top));
  return heat.colors[Math.round(place * (heat.colors.length - 1))] ?? "";
}

export function paintHeat(chart: uPlot, edges: Float64Array, heat: Heat): void {
  const { ctx, bbox } = chart;
  const bins = heat.values.length - 1;
  const ys = Array.from(heat.values, (value) => Math.round(chart.valToPos(value, "y", true)));
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  for (let b = 0; b < heat.totals.length; b++) {
    const total = heat.totals[b] ?? 0;
    if (total === 0) continue;
    const left = Math.round(chart.valToPos(edges[b] ?? 0, "x", true));
    const right = Math.round(chart.valToPos(edges[b + 1] ?? 0, "x", true));
    for (let v = 0; v < bins; v++) {
      const n = heat.counts[b * bins + v] ?? 0;
      if (n === 0) continue;
      const [below, above] = [ys[v] ?? 0, ys[v + 1] ?? 0];
      ctx.fillStyle = colorOf(heat, n / total);
      ctx.fillRect(left, above, Math.max(1, right - left), Math.max(1, below - above));
    }
  }
  ctx.restore();
}
