// How lines are drawn: the colour of the line's group, a dash for the second round of colours and for each further metric.
import { inkOf } from "../../palette";
import type { Line } from "../../types";
import type { Stroke } from "./marks";

const DASHES = [[], [7, 3], [2, 3], [9, 3, 2, 3], [14, 4], [5, 2, 1, 2, 1, 2], [3, 6], [16, 3, 4, 3]];

export function strokesOf(lines: readonly Line[], metrics: readonly string[]): Stroke[] {
  return lines.map((line) => {
    const ink = inkOf(line.id);
    const turn = Math.max(0, metrics.indexOf(line.metric)) * (metrics.length > 4 ? 1 : 2) + (ink.dashed ? 1 : 0);
    return { color: ink.color, dash: DASHES[turn % DASHES.length] ?? [] };
  });
}
