// The columns of the table of runs, as the address holds them: "config.lr", "last:loss", "spark:loss", "steps".
import { computed, signal } from "@preact/signals";
import { list, maybe, oneOf, param } from "../address";

export const SCORES = ["last", "max", "min", "mean"] as const;

/** The columns that somebody chose; null: those that the table picks by itself. */
export const chosenColumns = param<readonly string[] | null>("cols", maybe(list), null);

/** What the table picks by itself; it depends on what the runs hold. */
export const ownColumns = signal<readonly string[]>([]);

export const columns = computed<readonly string[]>(() => chosenColumns.value ?? ownColumns.value);

/** The statistic over seeds; auto: as the server's policy says. */
export const STATISTICS = ["auto", "mean", "median", "iqm"] as const;
export const statistic = param<(typeof STATISTICS)[number]>("stat", oneOf(...STATISTICS), "auto");

export function isScore(spec: string): boolean {
  return SCORES.some((score) => spec.startsWith(`${score}:`));
}

/** The scores that the table needs from the server. */
export const wantedScores = computed<readonly string[]>(() => columns.value.filter(isScore));
