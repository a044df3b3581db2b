// One colour a run, kept as long as the run is drawn. Ten colours that colour-blind readers can tell apart (after
// Okabe-Ito and Tol, darkened or lightened for each background); a second round of them is dashed.
import { computed, signal } from "@preact/signals";
import { chosen } from "./state";

const LIGHT = ["#0b6cb3", "#cf5600", "#008a66", "#a83f95", "#a97400", "#3d2f9c", "#d0556b", "#3a93c4", "#7d1f4f", "#5d6a73"];
const DARK = ["#58aef0", "#ff8d50", "#35c79d", "#e68fd4", "#f0c24d", "#a094ff", "#ff9dab", "#8fdcff", "#d8709f", "#b3bdc6"];

const query = matchMedia("(prefers-color-scheme: dark)");

export const dark = signal(query.matches);
query.addEventListener("change", () => (dark.value = query.matches));

let previous = new Map<string, number>();

/** Every drawn run has a place; a run that is hidden gives its place to the next one that is drawn. */
const places = computed(() => {
  const next = new Map<string, number>();
  const taken = new Set<number>();
  for (const key of chosen.value) {
    const place = previous.get(key);
    if (place === undefined) continue;
    next.set(key, place);
    taken.add(place);
  }
  let free = 0;
  for (const key of chosen.value) {
    if (next.has(key)) continue;
    while (taken.has(free)) free++;
    next.set(key, free);
    taken.add(free);
  }
  previous = next;
  return next;
});

export interface Ink {
  color: string;
  dashed: boolean;
}

export function inkOf(key: string): Ink {
  const place = places.value.get(key) ?? 0;
  const colors = dark.value ? DARK : LIGHT;
  return { color: colors[place % colors.length] ?? "#888888", dashed: Math.floor(place / colors.length) % 2 === 1 };
}

/** The colour with an alpha channel, for a band. */
export function faint(color: string, alpha: number): string {
  return color + Math.round(alpha * 255).toString(16).padStart(2, "0");
}
