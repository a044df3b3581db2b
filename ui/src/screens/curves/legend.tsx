// The table under a chart: what every line is at the cursor, or at its end when there is no cursor.
import { useRowsInSight } from "../../virtual";
import { count, short } from "../../format";
import type { Curve, Line } from "../../types";
import { axisName, positionText } from "./axis_text";
import type { Stroke } from "./marks";
import { isOneRun, lineKey } from "./question";

const ROW = 19; // CSS pixels, as curves.css has it

interface LegendProps {
  curve: Curve;
  strokes: readonly Stroke[];
  /** For each line the bucket under the cursor; null: there is no cursor. */
  at: readonly (number | null)[] | null;
  near: number | null;
  /** Whether a line is drawn. */
  shown: (line: Line) => boolean;
  light: (place: number | null) => void;
  isolate: (line: Line, alone: boolean) => void;
}

export function Swatch({ stroke }: { stroke: Stroke }) {
  return (
    <svg class="swatch" width="18" height="8" viewBox="0 0 18 8" aria-hidden="true">
      <line x1="0" x2="18" y1="4" y2="4" stroke={stroke.color} stroke-width="2.5" stroke-dasharray={stroke.dash.join(" ")} />
    </svg>
  );
}

function lastBucket(line: Line): number | null {
  for (let i = line.center.length - 1; i >= 0; i--) if (!Number.isNaN(line.center[i])) return i;
  return null;
}

/** The value that all lines have, or null. */
function common(lines: readonly Line[], of: (line: Line) => string): string | null {
  const first = lines[0] && of(lines[0]);
  return first !== undefined && lines.every((line) => of(line) === first) ? first : null;
}

function nameOf(curve: Curve, line: Line): string {
  return curve.metrics.length > 1 ? `${line.label} · ${line.metric}` : line.label;
}

/** What the line is, where the head of the table does not say it for all. */
function special(line: Line, centers: string | null, bands: string | null): string {
  const parts = [centers === null ? line.center_name : "", bands === null ? line.band || "no band" : ""];
  return parts.filter(Boolean).join(", ");
}

function amount(line: Line, index: number): string {
  return isOneRun(line) ? count(line.count[index] ?? 0) : String(line.n[index] ?? 0);
}

export function Legend({ curve, strokes, at, near, shown, light, isolate }: LegendProps) {
  const { lines } = curve;
  const { box, first, end } = useRowsInSight(lines.length, ROW, 22);
  const centers = common(lines, (line) => line.center_name);
  const bands = common(lines, (line) => line.band);
  const n = common(lines, (line) => (isOneRun(line) ? "points" : "seeds"));
  const rows = lines.slice(first, end).map((line, i) => {
    const place = first + i;
    const index = at ? (at[place] ?? null) : lastBucket(line);
    const drawn = shown(line);
    const lo = index === null ? NaN : (curve.edges[index] ?? NaN);
    const hi = index === null ? NaN : (curve.edges[index + 1] ?? NaN);
    const low = index === null ? NaN : (line.low[index] ?? NaN);
    const high = index === null ? NaN : (line.high[index] ?? NaN);
    const suffix = special(line, centers, bands);
    const name = nameOf(curve, line);
    const bad = at !== null && index !== null && line.nonfinite_at.includes(index);
    return (
      <tr key={lineKey(line)} class={`${drawn ? "" : "off"}${place === near ? " near" : ""}`} onMouseEnter={() => light(drawn ? place : null)}>
        <th scope="row" title={[name, line.method, ...line.notes].join("\n")}>
          <button type="button" aria-pressed={drawn} onClick={() => isolate(line, true)} onDblClick={() => isolate(line, false)}>
            <Swatch stroke={strokes[place] ?? { color: "gray", dash: [] }} />
            <span class="name">{name}</span>
            {suffix && <span class="quiet">{suffix}</span>}
          </button>
        </th>
        <td>{positionText(curve.x, (lo + hi) / 2, hi - lo)}</td>
        <td class="strong" title={bad ? "NaN or infinite values here" : undefined}>
          {bad && <span class="warn">▲ </span>}
          {index === null ? "–" : short(line.center[index] ?? NaN)}
        </td>
        <td>{Number.isNaN(low) ? "–" : short(low)}</td>
        <td>{Number.isNaN(high) ? "–" : short(high)}</td>
        <td title={isOneRun(line) ? "points in this bucket" : "seeds that have a value here"}>
          {index === null ? "–" : amount(line, index)}
          {n === null && (isOneRun(line) ? " pt" : " sd")}
        </td>
      </tr>
    );
  });
  return (
    <div class="legend" ref={box} tabIndex={lines.length > 12 ? 0 : undefined} onMouseLeave={() => light(null)}>
      <table>
        <colgroup>
          <col />
          <col class={curve.x === "time" ? "x wide" : "x"} />
          <col class="value" />
          <col class="bound" />
          <col class="bound" />
          <col class="n" />
        </colgroup>
        <thead>
          <tr>
            <th scope="col">{at ? "at the cursor" : "latest"}</th>
            <th scope="col" title={curve.x}>{axisName(curve.x)}</th>
            <th scope="col">{centers ?? "value"}</th>
            <th scope="colgroup" colSpan={2} title={bands ?? "see each line"}>{bands === null ? "band" : bands || "no band"}</th>
            <th scope="col">{n ?? "n"}</th>
          </tr>
        </thead>
        <tbody>
          {first > 0 && <tr class="skip"><td colSpan={6} style={{ height: `${first * ROW}px` }} /></tr>}
          {rows}
          {end < lines.length && <tr class="skip"><td colSpan={6} style={{ height: `${(lines.length - end) * ROW}px` }} /></tr>}
        </tbody>
      </table>
    </div>
  );
}
