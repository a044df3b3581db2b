// What a chart is about: a metric, and the x-axis.
import type { Signal } from "@preact/signals";
import { AXES } from "../curves/axis_text";
import { xAxis } from "../curves/settings";
import { setAxis, setZoom, type Summary, zoom } from "./state";

interface Props {
  metrics: readonly Summary[];
  metric: string;
  choice: Signal<string | null>;
}

export function Chooser({ metrics, metric, choice }: Props) {
  const other = AXES.every(([x]) => x !== xAxis.value);
  return (
    <div class="asked">
      <label>
        <span class="quiet">metric</span>
        <select value={metric} onChange={(event) => (choice.value = event.currentTarget.value)}>
          {metrics.every((one) => one.metric !== metric) && <option value={metric}>{metric}</option>}
          {metrics.map((one) => (
            <option key={one.metric} value={one.metric}>
              {one.metric}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span class="quiet">over</span>
        <select value={xAxis.value} onChange={(event) => setAxis(event.currentTarget.value)}>
          {AXES.map(([x, name]) => (
            <option key={x} value={x}>
              {name}
            </option>
          ))}
          {other && <option value={xAxis.value}>{xAxis.value}</option>}
        </select>
      </label>
      {zoom.value && (
        <button type="button" class="button" onClick={() => setZoom(null)}>
          whole run
        </button>
      )}
    </div>
  );
}
