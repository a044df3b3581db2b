// The line under a chart that says how it was made, and what is not in it. Every statistic names its method and n.
import { count } from "../../format";
import type { Curve } from "../../types";
import { positionText } from "./axis_text";
import type { Left } from "./plot";
import { MOST_BANDS } from "./table";

/** Each once, the most common first. */
function byNumber(texts: readonly string[]): string[] {
  const found = new Map<string, number>();
  for (const text of texts) found.set(text, (found.get(text) ?? 0) + 1);
  return [...found].sort((a, b) => b[1] - a[1]).map(([text]) => text);
}

const plural = (n: number, one: string, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;

/** For a file, where nothing can be hovered over: how all lines were made. */
export function allMethods(curve: Curve): string {
  return byNumber(curve.lines.map((line) => line.method)).join(" | ");
}

function methodOf(curve: Curve): string {
  const methods = byNumber(curve.lines.map((line) => line.method));
  const others = methods.length - 1;
  return (methods[0] ?? "") + (others > 0 ? `; others: see the table` : "");
}

/** A method in so few words that two lines hold it, in which all is named; the whole sentence is there on hovering. */
function brief(method: string): string {
  return method
    .replace(/interval: |, \d+ resamples|, seed 0|seeds (?=inter)|linearly /g, "")
    .replace(/buckets; (mean)( of .*) a bucket/, "$1s$2")
    .replace(/buckets; one (point) a bucket/, "$1s");
}

/** What a reader must know: sentences. */
export function warningsOf(curve: Curve, left: Left, drawn: number): string[] {
  const { lines } = curve;
  const bad = lines.filter((line) => line.nonfinite > 0);
  const nonfinite = bad.reduce((sum, line) => sum + line.nonfinite, 0);
  const restarts = lines.flatMap((line) => line.gaps);
  const where = restarts.slice(0, 3).map(([before, after]) => {
    const [from, to] = [positionText(curve.x, before, 1), positionText(curve.x, after, 1)];
    return after > before ? `${from} to ${to}` : `back from ${from} to ${to}`;
  });
  const more = restarts.length > 3 ? " …" : "";
  return [
    nonfinite > 0 ? `▲ ${plural(nonfinite, "value is", "values are")} NaN or infinite and not drawn (${bad.map((line) => line.label).slice(0, 3).join(", ")}${bad.length > 3 ? " …" : ""})` : "",
    restarts.length > 0 ? `${plural(restarts.length, "restart")}: ${where.join(", ")}${more}` : "",
    left.cut > 0 ? `${plural(left.cut, "value reaches", "values reach")} beyond the y-axis, marked at its edge` : "",
    left.unloggable > 0 ? `${plural(left.unloggable, "value")} ≤ 0 cannot be drawn on a log axis` : "",
    drawn > MOST_BANDS && lines.some((line) => line.band) ? `no bands for more than ${MOST_BANDS} lines: hover over the table to see one` : "",
  ].filter(Boolean);
}

/** What the statistics themselves have to say. */
export function notesOf(curve: Curve): string[] {
  return byNumber(curve.lines.flatMap((line) => line.notes));
}

export function Footer({ curve, left, drawn }: { curve: Curve; left: Left; drawn: number }) {
  const points = curve.lines.reduce((sum, line) => sum + line.points, 0);
  const method = methodOf(curve);
  return (
    <footer>
      <p title={method}>{`${method ? `${brief(method)} · ` : ""}${plural(points, "point")}`}</p>
      {notesOf(curve).map((sentence) => (
        <p key={sentence}>{sentence}</p>
      ))}
      {warningsOf(curve, left, drawn).map((sentence) => (
        <p key={sentence} class="warn" title={sentence}>
          {sentence}
        </p>
      ))}
    </footer>
  );
}
