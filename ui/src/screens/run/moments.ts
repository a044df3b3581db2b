// Media in the order of training: what was logged at one step is one moment.
import type { XAxis } from "../../types";
import type { Details, Happening } from "./state";

export interface Moment {
  /** Its place on the x-axis. */
  x: number;
  step: number | null;
  time: number;
  items: Happening[];
}

/** Whether media have a place on an axis: events know their step and their time. */
export function hasPlaces(x: XAxis): boolean {
  return x === "step" || x === "time" || x === "relative";
}

/** Moments by x; none on an axis that media have no place on. */
export function momentsOf({ events, started }: Details, x: XAxis): Moment[] {
  if (!hasPlaces(x)) return [];
  const found = new Map<number, Moment>();
  for (const event of events) {
    if (event.kind !== "image" && event.kind !== "video") continue;
    const id = event.step ?? event.time;
    const moment = found.get(id);
    if (moment) moment.items.push(event);
    else {
      const place = x === "step" ? event.step : x === "time" ? event.time : event.time - started;
      if (place !== null) found.set(id, { x: place, step: event.step, time: event.time, items: [event] });
    }
  }
  return [...found.values()].sort((a, b) => a.x - b.x);
}

/** The index of the moment nearest to `x`; without x the newest; -1 where there is none. */
export function nearestMoment(moments: readonly Moment[], x: number | null): number {
  if (x === null) return moments.length - 1;
  let best = -1;
  for (let i = 0; i < moments.length; i++) {
    if (best < 0 || Math.abs((moments[i] as Moment).x - x) < Math.abs((moments[best] as Moment).x - x)) best = i;
  }
  return best;
}
