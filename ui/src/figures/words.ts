// Text in a figure has no layout of its own: it is measured, and cut where it does not fit.

export const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif';

let pen: CanvasRenderingContext2D | null = null;
const known = new Map<string, number>();

export function widthOf(text: string, size = 12): number {
  const key = `${size} ${text}`;
  let width = known.get(key);
  if (width === undefined) {
    pen ??= document.createElement("canvas").getContext("2d");
    if (pen) pen.font = `${size}px ${FONT}`;
    width = pen ? pen.measureText(text).width : text.length * size * 0.55;
    if (known.size > 5000) known.clear();
    known.set(key, width);
  }
  return width;
}

/** The text, cut in its middle where it is wider than `room` pixels: names differ at both ends. */
export function fitted(text: string, room: number, size = 12): string {
  if (widthOf(text, size) <= room) return text;
  const letters = [...text];
  let fits = 1;
  let over = letters.length;
  const cut = (n: number) => `${letters.slice(0, Math.ceil(n / 2)).join("")}…${n > 1 ? letters.slice(-Math.floor(n / 2)).join("") : ""}`;
  while (over - fits > 1) {
    const half = (fits + over) >> 1;
    if (widthOf(cut(half), size) <= room) fits = half;
    else over = half;
  }
  return cut(fits);
}

export function widest(texts: Iterable<string>, size = 12): number {
  let most = 0;
  for (const text of texts) most = Math.max(most, widthOf(text, size));
  return most;
}
