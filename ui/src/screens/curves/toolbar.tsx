// What the charts show: the controls that are used most, and the others behind "View".
import type { Signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { AXES, positionText } from "./axis_text";
import { Menu } from "./menu";
import { metrics } from "./metrics";
import { BANDS, band, CENTERS, center, combined, find, isolated, lines, logX, logY, outliers, SIZES, setAxis, shownWindow, size, xAxis, yEnds } from "./settings";
import { Smoothing } from "./smoothing";
import { resetZoom } from "./window";

const CENTER_NAMES = { auto: "automatic", mean: "mean", median: "median", iqm: "IQM" };
const BAND_NAMES = {
  auto: "automatic",
  ci: "95 % confidence interval",
  minmax: "true min and max",
  std: "± standard deviation",
  stderr: "± standard error",
  iqr: "middle half of the seeds",
  none: "none",
};

interface ChoiceProps<T extends string> {
  label: string;
  of: Signal<T>;
  from: readonly T[];
  names: Readonly<Record<T, string>>;
}

function Choice<T extends string>({ label, of, from, names }: ChoiceProps<T>) {
  return (
    <label>
      <span>{label}</span>
      <select value={of.value} onChange={(event) => (of.value = event.currentTarget.value as T)}>
        {from.map((one) => (
          <option key={one} value={one}>
            {names[one]}
          </option>
        ))}
      </select>
    </label>
  );
}

function Tick({ label, on, set }: { label: string; on: boolean; set: (on: boolean) => void }) {
  return (
    <label class="tick">
      <input type="checkbox" checked={on} onChange={(event) => set(event.currentTarget.checked)} />
      {label}
    </label>
  );
}

function End({ side }: { side: 0 | 1 }) {
  const value = yEnds.value[side];
  return (
    <input
      type="number"
      step="any"
      aria-label={side === 0 ? "lowest y" : "highest y"}
      placeholder="auto"
      value={value ?? ""}
      onChange={(event) => {
        const typed = event.currentTarget.value;
        const next = typed === "" ? null : Number(typed);
        yEnds.value = side === 0 ? [next, yEnds.value[1]] : [yEnds.value[0], next];
      }}
    />
  );
}

function View() {
  const set = [center.value !== "auto", band.value !== "auto", logX.value, logY.value, outliers.value !== "all", yEnds.value.some((end) => end !== null)];
  const n = set.filter(Boolean).length;
  return (
    <Menu class="view" label="View: centre, band, axes, size" button={n > 0 ? `View · ${n}` : "View"}>
      {() => (
        <>
          <Choice label="centre of the seeds" of={center} from={CENTERS} names={CENTER_NAMES} />
          <Choice label="band" of={band} from={BANDS} names={BAND_NAMES} />
          <Tick label="log x" on={logX.value} set={(on) => (logX.value = on)} />
          <Tick label="log y" on={logY.value} set={(on) => (logY.value = on)} />
          <Tick label="y-axis leaves out outliers (1–99 %)" on={outliers.value === "ignore"} set={(on) => (outliers.value = on ? "ignore" : "all")} />
          <div class="ends">
            <span>y from</span>
            <End side={0} />
            <span>to</span>
            <End side={1} />
          </div>
          <Choice label="charts" of={size} from={SIZES} names={{ small: "small", medium: "medium", large: "large" }} />
          {combined.value.length > 0 && (
            <button type="button" class="link" onClick={() => (combined.value = [])}>
              {`take ${combined.value.length} combined ${combined.value.length === 1 ? "chart" : "charts"} apart`}
            </button>
          )}
        </>
      )}
    </Menu>
  );
}

function Axis() {
  const known = metrics.value ?? [];
  const given = xAxis.value;
  const strange = !AXES.some(([name]) => name === given) && !known.some(({ name }) => name === given);
  return (
    <select aria-label="x-axis" title="x-axis" class="x-axis" value={given} onChange={(event) => setAxis(event.currentTarget.value)}>
      {AXES.map(([name, told]) => (
        <option key={name} value={name}>
          {told}
        </option>
      ))}
      {strange && <option value={given}>{given}</option>}
      <optgroup label="a metric that counts">
        {known.map(({ name }) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </optgroup>
    </select>
  );
}

function Search() {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (input.current && document.activeElement !== input.current) input.current.value = find.value;
  }, [find.value]);
  return (
    <input
      ref={input}
      type="search"
      id="find-metric"
      aria-label="Find metrics"
      placeholder="Find metrics"
      defaultValue={find.value}
      onInput={(event) => (find.value = event.currentTarget.value)}
    />
  );
}

export function Toolbar() {
  const window = shownWindow.value;
  const x = xAxis.value;
  const told = window?.map((end) => positionText(x, end, (window[1] - window[0]) / 1000));
  return (
    <div class="toolbar" role="toolbar" aria-label="Curves">
      <Search />
      <Axis />
      <Smoothing />
      <fieldset class="segments">
        <legend>Lines</legend>
        {(["groups", "seeds"] as const).map((one) => (
          <label key={one} title={one === "groups" ? "a line for each group of seeds" : "a line for each run (s)"}>
            <input type="radio" name="lines" checked={lines.value === one} onChange={() => (lines.value = one)} />
            <span>{one}</span>
          </label>
        ))}
      </fieldset>
      <View />
      {isolated.value.length > 0 && (
        <button type="button" class="button" onClick={() => (isolated.value = [])}>
          {`show all lines`}
        </button>
      )}
      {told && (
        <span class="zoom">
          <span class="quiet">{`${told[0]} – ${told[1]}`}</span>
          <button type="button" class="reset-zoom" title="show everything (double click, 0)" onClick={resetZoom}>
            reset zoom
          </button>
        </span>
      )}
    </div>
  );
}
