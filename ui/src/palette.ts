// One colour a line, kept as long as the line is drawn. Ten colours that colour-blind readers can tell apart (after
// Okabe-Ito and Tol, darkened or lightened for each background); a second round of them is dashed.
import { computed, signal } from "@preact/signals";
import { list, maybe, oneOf, param } from "./address";
import { chosen, groupOfRun } from "./groups/state";
import { printing } from "./paper";

export const LIGHT = ["#0b6cb3", "#cf5600", "#008a66", "#a83f95", "#a97400", "#3d2f9c", "#d0556b", "#3a93c4", "#7d1f4f", "#5d6a73"];
export const DARK = ["#58aef0", "#ff8d50", "#35c79d", "#e68fd4", "#f0c24d", "#a094ff", "#ff9dab", "#8fdcff", "#d8709f", "#b3bdc6"];

const query = matchMedia("(prefers-color-scheme: dark)");
const system = signal(query.matches);
query.addEventListener("change", () => (system.value = query.matches));

/** null: as the system has it. */
export const theme = param<"light" | "dark" | null>("theme", maybe(oneOf("light", "dark")), null);

export const dark = computed(() => !printing.value && (theme.value === null ? system.value : theme.value === "dark"));

/** Colours that somebody gave to lines: "id:place". */
export const painted = param<readonly string[]>("colors", list, []);

const given = computed(() => {
  const found = new Map<string, number>();
  for (const entry of painted.value) {
    const cut = entry.lastIndexOf(":");
    const place = Number(entry.slice(cut + 1));
    if (cut > 0 && Number.isInteger(place) && place >= 0) found.set(entry.slice(0, cut), place);
  }
  return found;
});

export function paint(id: string, place: number): void {
  painted.value = [...painted.value.filter((entry) => !entry.startsWith(`${id}:`)), `${id}:${place}`];
}

let previous = new Map<string, number>();

/** Every drawn line has a place; a line that is taken away gives its place to the next one that is drawn. */
const places = computed(() => {
  const next = new Map<string, number>();
  const taken = new Set<number>();
  for (const source of [given.value, previous]) {
    for (const id of chosen.value) {
      const place = source.get(id);
      if (place === undefined || next.has(id) || (source === previous && taken.has(place))) continue;
      next.set(id, place);
      taken.add(place);
    }
  }
  let free = 0;
  for (const id of chosen.value) {
    if (next.has(id)) continue;
    while (taken.has(free)) free++;
    next.set(id, free);
    taken.add(free);
  }
  previous = next;
  return next;
});

export interface Ink {
  color: string;
  dashed: boolean;
}

export function inkAt(place: number): Ink {
  const colors = dark.value ? DARK : LIGHT;
  return { color: colors[place % colors.length] ?? "#888888", dashed: Math.floor(place / colors.length) % 2 === 1 };
}

/** The ink of a line; a run that was not chosen by itself has its group's. */
export function inkOf(id: string): Ink {
  const place = (of: string) => places.value.get(of) ?? given.value.get(of);
  const group = id.includes("/") ? groupOfRun.value.get(id)?.id : undefined;
  return inkAt(place(id) ?? (group === undefined ? undefined : place(group)) ?? 0);
}

/** The colour with an alpha channel, for a band. */
export function faint(color: string, alpha: number): string {
  return color + Math.round(alpha * 255).toString(16).padStart(2, "0");
}
