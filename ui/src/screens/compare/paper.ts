// The final table as text for papers and spreadsheets.
import { csvOf, type Field } from "../../figures/files";
import { digitsFor } from "../../figures/scales";
import type { Comparison, Contender, Interval, Pair } from "./types";

export interface Row {
  group: Contender;
  best: Field;
  worst: Field;
  /** Against the baseline; null: it is the baseline, or nothing is known. */
  pair: Pair | null;
}

export function rowsOf(answer: Comparison, base: string): Row[] {
  const pairs = new Map(answer.improvement.pairs.filter((pair) => pair.y === base).map((pair) => [pair.x, pair]));
  return answer.groups.map((group) => {
    const order = group.scores
      .map((score, i) => ({ score, told: seedOf(group, i) }))
      .filter((one): one is { score: number; told: string } => one.score !== null)
      .sort((a, b) => (answer.lower ? a.score - b.score : b.score - a.score));
    const told = (one: (typeof order)[number] | undefined) => (one && !answer.tasks ? one.told : null);
    return { group, best: told(order[0]), worst: told(order[order.length - 1]), pair: pairs.get(group.id) ?? null };
  });
}

/** The seed of a run; its key where it has none. */
function seedOf(group: Contender, i: number): string {
  const seed = group.seeds[i];
  return seed === null || seed === undefined ? (group.keys[i] ?? "") : typeof seed === "object" ? JSON.stringify(seed) : String(seed);
}

export interface Table {
  head: string[];
  /** Texts as one reads them: "1234 [1200, 1260]". */
  body: { id: string; cells: string[] }[];
}

export function tableOf(answer: Comparison, base: string): Table {
  const digits = digitsFor(answer.groups.map((group) => group.mean.center));
  const number = (value: number | null) => (value === null ? "–" : value.toFixed(digits));
  const interval = (band: Interval) => (band.low === null || band.high === null ? number(band.center) : `${number(band.center)} [${number(band.low)}, ${number(band.high)}]`);
  const sign = answer.lower && !answer.tasks ? "<" : ">";
  const seeds = answer.tasks ? [] : ["best seed", "worst seed"];
  const body = rowsOf(answer, base).map(({ group, best, worst, pair }) => {
    const bounds = pair && pair.low !== null && pair.high !== null ? ` [${pair.low.toFixed(2)}, ${pair.high.toFixed(2)}]` : "";
    const better = group.id === base ? "baseline" : pair && pair.p !== null ? `${pair.p.toFixed(2)}${bounds}` : "–";
    const ends = answer.tasks ? [] : [String(best ?? "–"), String(worst ?? "–")];
    return { id: group.id, cells: [group.label, String(group.n), interval(group.mean), interval(group.median), interval(group.iqm), ...ends, better] };
  });
  return { head: ["group", "n", "mean", "median", "IQM", ...seeds, `P(${sign} baseline)`], body };
}

export function markdownOf(table: Table, method: string): string {
  const line = (cells: readonly string[]) => `| ${cells.map(inMarkdown).join(" | ")} |`;
  const rule = `|${table.head.map((_, i) => (i === 0 ? " --- |" : " ---: |")).join("")}`;
  return `${[line(table.head), rule, ...table.body.map(({ cells }) => line(cells))].join("\n")}\n\n${inMarkdown(method)}\n`;
}

function inMarkdown(text: string): string {
  return text.replace(/\s+/g, " ").replace(/[\\`*_{}[\]<>|#~]/g, (mark) => (mark === "[" || mark === "]" || mark === "#" ? mark : `\\${mark}`));
}

const IN_LATEX: Record<string, string> = {
  "\\": "\\textbackslash{}",
  "{": "\\{",
  "}": "\\}",
  $: "\\$",
  "&": "\\&",
  "#": "\\#",
  "%": "\\%",
  _: "\\_",
  "^": "\\textasciicircum{}",
  "~": "\\textasciitilde{}",
  "<": "\\textless{}",
  ">": "\\textgreater{}",
  "|": "\\textbar{}",
  '"': "\\textquotedbl{}",
  "–": "--",
  "−": "$-$",
  "·": "\\textperiodcentered{}",
  "½": "$\\frac{1}{2}$",
  "∞": "$\\infty$",
};

export function inLatex(text: string): string {
  return text.replace(/\s+/g, " ").replace(/[\\{}$&#%_^~<>|"–−·½∞]/g, (mark) => IN_LATEX[mark] ?? mark);
}

/** A booktabs table; a "[" after a line's end would be read as its option, so that each line begins with a brace. */
export function latexOf(table: Table, method: string): string {
  const line = (cells: readonly string[]) => `    {}${cells.map((cell) => inLatex(cell).replace(/^-(?=\d)/, "$-$").replace(/(?<=[[ ])-(?=\d)/g, "$-$")).join(" & ")} \\\\`;
  return [
    "% needs \\usepackage{booktabs}",
    "\\begin{table}",
    "  \\centering",
    `  \\begin{tabular}{l${"r".repeat(table.head.length - 1)}}`,
    "    \\toprule",
    line(table.head),
    "    \\midrule",
    ...table.body.map(({ cells }) => line(cells)),
    "    \\bottomrule",
    "  \\end{tabular}",
    `  \\caption{${inLatex(method)}}`,
    "\\end{table}",
    "",
  ].join("\n");
}

/** All digits, one column for each number. */
export function csvTableOf(answer: Comparison, base: string): string {
  const bounds = (name: string) => [name, `${name}_low`, `${name}_high`];
  const three = (band: Interval) => [band.center, band.low, band.high];
  const baseline = answer.groups.find((group) => group.id === base)?.label ?? "";
  return csvOf(answer.method, [
    ["group", "n", ...bounds("mean"), ...bounds("median"), ...bounds("iqm"), "std", "best_seed", "worst_seed", "baseline", ...bounds("p_better")],
    ...rowsOf(answer, base).map(({ group, best, worst, pair }) => [
      group.label,
      group.n,
      ...three(group.mean),
      ...three(group.median),
      ...three(group.iqm),
      group.std,
      best,
      worst,
      baseline,
      pair?.p,
      pair?.low,
      pair?.high,
    ]),
  ]);
}
