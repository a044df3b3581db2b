// The table under a chart: what every line is at the cursor, or at its end when there is no cursor.
import { count, position, short } from "./format";
import { labels } from "./names";
import { inkOf } from "./palette";
import type { Curve, Line } from "./types";

const X_NAMES = { step: "step", relative: "elapsed", time: "time" } as const;

export function Swatch({ runKey }: { runKey: string }) {
  const ink = inkOf(runKey);
  return <span class={ink.dashed ? "swatch dashed" : "swatch"} style={{ color: ink.color }} aria-hidden="true" />;
}

function lastBucket(line: Line): number | null {
  for (let i = line.count.length - 1; i >= 0; i--) if ((line.count[i] ?? 0) > 0) return i;
  return null;
}

function Row({ curve, line, index }: { curve: Curve; line: Line; index: number | null }) {
  const label = labels.value.get(line.key) ?? line.key;
  const lo = index === null ? NaN : (curve.edges[index] ?? NaN);
  const hi = index === null ? NaN : (curve.edges[index + 1] ?? NaN);
  const value = (column: Float64Array) => (index === null ? "–" : short(column[index] ?? NaN));
  return (
    <tr>
      <th scope="row" title={label}>
        <Swatch runKey={line.key} />
        {label}
      </th>
      <td>{position(curve.x, (lo + hi) / 2, hi - lo)}</td>
      <td class="strong">{value(line.mean)}</td>
      <td>{value(line.min)}</td>
      <td>{value(line.max)}</td>
      <td>{index === null ? "–" : count(line.count[index] ?? 0)}</td>
    </tr>
  );
}

export function Legend({ curve, hover }: { curve: Curve; hover: (number | null)[] | null }) {
  return (
    <div class={`legend ${curve.x}`} tabIndex={curve.lines.length > 12 ? 0 : undefined}>
      <table>
        <thead>
          <tr>
            <th scope="col">{hover ? "at the cursor" : "latest bucket"}</th>
            <th scope="col">{X_NAMES[curve.x]}</th>
            <th scope="col">mean</th>
            <th scope="col">min</th>
            <th scope="col">max</th>
            <th scope="col">n</th>
          </tr>
        </thead>
        <tbody>
          {curve.lines.map((line, i) => (
            <Row key={line.key} curve={curve} line={line} index={hover ? (hover[i] ?? null) : lastBucket(line)} />
          ))}
        </tbody>
      </table>
    </div>
  );
}
