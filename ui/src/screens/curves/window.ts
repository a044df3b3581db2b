// Moving what all charts show along x: they show the data they have at once, and ask when the movement rests.
import type { Span } from "../../types";
import { extent, glance, logX, zoom } from "./settings";

const REST_MS = 140;

let timer: ReturnType<typeof setTimeout> | undefined;

/** Digits that tell positions 1/10,000 of the window apart. */
function tidy(value: number, width: number): number {
  const digits = Math.max(0, Math.min(15, 5 - Math.ceil(Math.log10(width))));
  return Number(value.toFixed(digits));
}

export function setZoom(lo: number, hi: number): void {
  clearTimeout(timer);
  const from = tidy(lo, hi - lo);
  const to = tidy(hi, hi - lo);
  if (from < to) zoom.value = [from, to];
  glance.value = null;
}

export function resetZoom(): void {
  clearTimeout(timer);
  glance.value = null;
  zoom.value = null;
}

/** Shows a window that may move on. */
export function glanceAt(lo: number, hi: number): void {
  if (!(lo < hi)) return;
  glance.value = [lo, hi];
  clearTimeout(timer);
  timer = setTimeout(() => setZoom(lo, hi), REST_MS);
}

/** The window moved by a share of its width; on a log axis by as many decades everywhere. */
export function moved([lo, hi]: Span, share: number): Span {
  if (logX.value && lo > 0) {
    const factor = (hi / lo) ** share;
    return [lo * factor, hi * factor];
  }
  const by = (hi - lo) * share;
  return [lo + by, hi + by];
}

function present(): Span | null {
  return glance.value ?? zoom.value ?? extent.value;
}

export function pan(share: number, from = present()): void {
  if (from) glanceAt(...moved(from, share));
}

export function scale(factor: number): void {
  const from = present();
  if (!from) return;
  const middle = (from[0] + from[1]) / 2;
  const half = ((from[1] - from[0]) / 2) * factor;
  const whole = extent.value;
  const slack = half / 100; // a window that was moved there and back is not the same to the last digit
  if (factor > 1 && whole && middle - half <= whole[0] + slack && middle + half >= whole[1] - slack) resetZoom();
  else glanceAt(middle - half, middle + half);
}

/** What an unzoomed chart spans; charts of other metrics may reach further. */
export function reached(lo: number, hi: number): void {
  const known = extent.peek();
  if (known && known[0] <= lo && known[1] >= hi) return;
  extent.value = known ? [Math.min(lo, known[0]), Math.max(hi, known[1])] : [lo, hi];
}
