// What can be done with an axis by keyboard: its range, its place, taking it away.
import { useEffect, useRef } from "preact/hooks";
import { type Axis, SCORE } from "./axes";
import { axisKeys, brushes, moveAxis, setAxes, setBrush } from "./choice";
import type { Swept } from "./types";

function Ends({ axis }: { axis: Axis }) {
  const brush = brushes().find((one) => one.key === axis.key);
  if (axis.kind === "category") {
    const [first, last] = [axis.names[0] ?? "", axis.names[axis.names.length - 1] ?? ""];
    const choose = (end: "lo" | "hi") => (
      <label>
        {end === "lo" ? "from" : "to"}
        <select value={String(brush?.[end] ?? (end === "lo" ? first : last))} onChange={(event) => setBrush(axis.key, { key: axis.key, lo: first, hi: last, ...brush, [end]: event.currentTarget.value })}>
          {axis.names.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </label>
    );
    return (
      <>
        {choose("lo")}
        {choose("hi")}
      </>
    );
  }
  const write = (end: "lo" | "hi", given: string) => {
    const value = Number(given);
    if (given.trim() === "" || !Number.isFinite(value)) return;
    setBrush(axis.key, { key: axis.key, lo: axis.range[0], hi: axis.range[1], ...brush, [end]: value });
  };
  return (
    <>
      {(["lo", "hi"] as const).map((end) => (
        <label key={end}>
          {end === "lo" ? "from" : "to"}
          <input type="number" step="any" defaultValue={brush ? String(brush[end]) : ""} aria-label={`${axis.title} ${end === "lo" ? "from" : "to"}`} onChange={(event) => write(end, event.currentTarget.value)} />
        </label>
      ))}
    </>
  );
}

export function AxisSettings({ axis, swept, place, last, left, close }: { axis: Axis; swept: Swept; place: number; last: number; left: number; close: () => void }) {
  const box = useRef<HTMLFieldSetElement>(null);
  useEffect(() => box.current?.querySelector<HTMLElement>("input, select")?.focus(), []);
  const movable = axis.key !== SCORE;
  return (
    <fieldset ref={box} class="axis-settings" style={{ left: `${left}px` }} aria-label={`Axis ${axis.title}`} onKeyDown={(event) => event.key === "Escape" && close()}>
      <strong>{axis.title}</strong>
      <div class="ends">
        <Ends axis={axis} />
      </div>
      <div class="acts">
        {movable && (
          <>
            <button type="button" class="button" disabled={place === 0} aria-label={`move ${axis.title} left`} onClick={() => moveAxis(swept, axis.key, place - 1)}>
              ←
            </button>
            <button type="button" class="button" disabled={place >= last} aria-label={`move ${axis.title} right`} onClick={() => moveAxis(swept, axis.key, place + 1)}>
              →
            </button>
            <button
              type="button"
              class="button"
              onClick={() => {
                setBrush(axis.key, null);
                setAxes(axisKeys(swept).filter((key) => key !== axis.key));
                close();
              }}
            >
              remove
            </button>
          </>
        )}
        <button type="button" class="button" onClick={() => setBrush(axis.key, null)}>
          all
        </button>
        <button type="button" class="button" onClick={close}>
          close
        </button>
      </div>
    </fieldset>
  );
}
