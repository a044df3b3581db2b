// What the reader chose on the screen of sweeps.
import { type Codec, go, list, maybe, param, text } from "../../address";
import { chooseOnly } from "../../groups/state";
import type { Brush } from "./axes";
import type { Swept, SweptGroup } from "./types";

/** Groups that are drawn as curves at once. */
export const MOST_CURVES = 50;
const MOST_AXES = 8;

const asBrush: Codec<Brush> = {
  read: (given) => {
    try {
      const [key, lo, hi] = JSON.parse(given) as unknown[];
      const isEnd = (end: unknown) => typeof end === "number" || typeof end === "string";
      return typeof key === "string" && isEnd(lo) && isEnd(hi) ? { key, lo: lo as number, hi: hi as number } : undefined;
    } catch {
      return undefined;
    }
  },
  write: ({ key, lo, hi }) => JSON.stringify([key, lo, hi]),
};

const brushTexts = param<readonly string[]>("brush", list, []);

export function brushes(): readonly Brush[] {
  return brushTexts.value.flatMap((given) => asBrush.read(given) ?? []);
}

/** Sets the brush of an axis, or takes it away. */
export function setBrush(key: string, brush: Brush | null): void {
  const others = brushes().filter((one) => one.key !== key);
  brushTexts.value = [...others, ...(brush ? [brush] : [])].map(asBrush.write);
}

export function clearBrushes(): void {
  brushTexts.value = [];
}

const axes = param<readonly string[] | null>("axes", maybe(list), null);
/** The setting that scores are drawn against; null: the most important one. */
export const against = param<string | null>("against", maybe(text), null);

let ownKeys = "";
let ownOrder: string[] = [];

/** Settings by importance. The order stays while the settings do, so that axes do not jump under the reader. */
export function byImportance(swept: Swept): string[] {
  const keys = swept.keys.map(({ key }) => key);
  const told = JSON.stringify([keys, swept.metric, swept.importance.keys.length > 0]);
  if (told !== ownKeys) {
    const rank = new Map(swept.importance.keys.map((one) => [one.key, one.rank ?? Infinity]));
    ownOrder = [...keys].sort((a, b) => (rank.get(a) ?? Infinity) - (rank.get(b) ?? Infinity) || 0);
    ownKeys = told;
  }
  return ownOrder;
}

/** The settings that have an axis, from left to right: the most important one is next to the score. */
export function axisKeys(swept: Swept): string[] {
  const known = new Set(swept.keys.map(({ key }) => key));
  return axes.value ? axes.value.filter((key) => known.has(key)) : byImportance(swept).slice(0, MOST_AXES).reverse();
}

export function setAxes(keys: readonly string[]): void {
  axes.value = [...new Set(keys)];
}

export function moveAxis(swept: Swept, key: string, to: number): void {
  const others = axisKeys(swept).filter((one) => one !== key);
  others.splice(Math.max(0, Math.min(others.length, to)), 0, key);
  setAxes(others);
}

export function bestFirst(groups: readonly SweptGroup[], lower: boolean): SweptGroup[] {
  const place = (group: SweptGroup) => (group.score === null ? Infinity : lower ? group.score : -group.score);
  return [...groups].sort((a, b) => place(a) - place(b) || 0);
}

export function openInCurves(ids: readonly string[]): void {
  chooseOnly(ids.slice(0, MOST_CURVES));
  go("curves");
}

/** How good a score is, from 0 (the worst) to 1. */
export function goodnessIn(swept: Swept): (score: number) => number {
  let lo = Infinity;
  let hi = -Infinity;
  for (const { score } of swept.groups) {
    if (score === null) continue;
    lo = Math.min(lo, score);
    hi = Math.max(hi, score);
  }
  return (score) => (hi > lo ? (swept.lower ? hi - score : score - lo) / (hi - lo) : 1);
}
