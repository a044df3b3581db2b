// What a column of the table shows of a group, and what it is sorted by.
import type { ComponentChildren } from "preact";
import { answer, answered } from "../../groups/state";
import { count, duration, moment, roughly, short } from "../../format";
import type { Cell, Group, Setting } from "../../types";
import { Sparkline } from "./sparkline";

export interface Column {
  spec: string;
  title: string;
  /** What stands above the title in small letters: where the value comes from. */
  kind: string;
  meaning: string;
  width: number;
  numeric: boolean;
  cell: (group: Group) => ComponentChildren;
  /** Numbers and texts sort; null comes last. */
  order: (group: Group) => number | string | null;
}

const SCORE_MEANING: Record<string, string> = {
  last: "the last value that each run logged",
  max: "the largest single value that each run logged: optimistic where values are noisy",
  min: "the smallest single value that each run logged",
  mean: "the mean of all values that each run logged",
};

export function showSetting(value: Setting): string {
  if (value === undefined) return "";
  if (typeof value === "string") return value;
  return typeof value === "number" ? String(value) : JSON.stringify(value);
}

function Score({ cell }: { cell: Cell | null | undefined }) {
  if (!cell || cell[0] === null) return <span class="quiet">–</span>;
  const [center, low, high, n, method] = cell;
  const bounds = low !== null && high !== null ? `[${short(low)}, ${short(high)}]` : "";
  return (
    <span class="score" title={`${answer.value.methods[method] ?? ""}; n = ${n}`}>
      <span class="strong">{short(center)}</span>
      <span class="bounds">{bounds}</span>
      <span class="n">{`n=${n}`}</span>
    </span>
  );
}

function config(key: string): Column {
  return {
    spec: `config.${key}`,
    title: key.slice(key.lastIndexOf(".") + 1),
    kind: key.includes(".") ? key.slice(0, key.lastIndexOf(".")) : "config",
    meaning: `config ${key}`,
    width: 96,
    numeric: answer.value.groups.every((group) => !(key in group.config) || typeof group.config[key] === "number"),
    cell: (group) => {
      const text = key in group.config ? showSetting(group.config[key]) : key in answer.value.shared ? showSetting(answer.value.shared[key]) : "";
      return <span title={text}>{text}</span>;
    },
    order: (group) => {
      const value = key in group.config ? group.config[key] : answer.value.shared[key];
      if (value === undefined || value === null) return null;
      return typeof value === "number" ? value : showSetting(value);
    },
  };
}

function score(spec: string): Column {
  const cut = spec.indexOf(":");
  const [name, metric] = [spec.slice(0, cut), spec.slice(cut + 1)];
  const cellOf = (group: Group) => group.values[answered.value.indexOf(spec)];
  return {
    spec,
    title: metric,
    kind: `${name === "max" ? "best" : name === "min" ? "least" : name}, over seeds`,
    meaning: `${metric}: ${SCORE_MEANING[name] ?? ""}; then over the seeds, with its interval`,
    width: 204,
    numeric: true,
    cell: (group) => <Score cell={cellOf(group)} />,
    order: (group) => cellOf(group)?.[0] ?? null,
  };
}

const FIXED: Record<string, Omit<Column, "spec">> = {
  project: {
    title: "project",
    kind: "",
    meaning: "what its runs are kept under",
    width: 120,
    numeric: false,
    cell: (group) => <span title={group.project}>{group.project}</span>,
    order: (group) => group.project,
  },
  steps: {
    title: "steps",
    kind: "",
    meaning: "the largest step of its runs",
    width: 86,
    numeric: true,
    cell: (group) => (group.steps === null ? "–" : <span title={count(group.steps)}>{short(group.steps)}</span>),
    order: (group) => group.steps,
  },
  speed: {
    title: "steps/s",
    kind: "",
    meaning: "steps per second of the whole run, mean of its runs",
    width: 78,
    numeric: true,
    cell: (group) => (group.speed === null ? "–" : short(group.speed)),
    order: (group) => group.speed,
  },
  duration: {
    title: "duration",
    kind: "",
    meaning: "from start to end, or until now: mean of its runs",
    width: 104,
    numeric: true,
    cell: (group) => duration(group.duration),
    order: (group) => group.duration,
  },
  started: {
    title: "started",
    kind: "",
    meaning: "when its newest run began",
    width: 96,
    numeric: true,
    cell: (group) => {
      const began = group.runs[0]?.started ?? 0;
      const ago = Date.now() / 1000 - began;
      return <span title={moment(began)}>{ago < 60 ? "just now" : `${roughly(ago)} ago`}</span>;
    },
    order: (group) => group.runs[0]?.started ?? null,
  },
  points: {
    title: "points",
    kind: "",
    meaning: "recorded points of all its runs",
    width: 86,
    numeric: true,
    cell: (group) => short(total(group, "points")),
    order: (group) => total(group, "points"),
  },
  lost: {
    title: "lost",
    kind: "",
    meaning: "rows that could not be recorded",
    width: 70,
    numeric: true,
    cell: (group) => (total(group, "lost") > 0 ? <span class="lost">{count(total(group, "lost"))}</span> : "0"),
    order: (group) => total(group, "lost"),
  },
  tags: {
    title: "tags",
    kind: "",
    meaning: "tags of its runs",
    width: 130,
    numeric: false,
    cell: (group) => (
      <span title={group.tags.join(", ")}>
        {group.tags.map((tag) => (
          <span key={tag} class="tag">
            {tag}
          </span>
        ))}
      </span>
    ),
    order: (group) => group.tags.join(", ") || null,
  },
  note: {
    title: "note",
    kind: "",
    meaning: "what somebody wrote about it",
    width: 180,
    numeric: false,
    cell: (group) => <span title={group.note}>{group.note}</span>,
    order: (group) => group.note || null,
  },
};

export const FIXED_SPECS = Object.keys(FIXED);

function total(group: Group, what: "points" | "lost"): number {
  return group.runs.reduce((sum, run) => sum + run[what], 0);
}

export function columnOf(spec: string): Column | null {
  const fixed = FIXED[spec];
  if (fixed) return { spec, ...fixed };
  if (spec.startsWith("config.")) return config(spec.slice(7));
  if (spec.startsWith("spark:")) {
    const metric = spec.slice(6);
    return {
      spec,
      title: metric,
      kind: "curve",
      meaning: `${metric} over steps: the centre over seeds`,
      width: 118,
      numeric: false,
      cell: (group) => <Sparkline metric={metric} group={group} />,
      order: () => null,
    };
  }
  return /^(last|max|min|mean):./.test(spec) ? score(spec) : null;
}
