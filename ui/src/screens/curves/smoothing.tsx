// How lines are smoothed: a method, and how much.
import { useEffect, useRef, useState } from "preact/hooks";
import { elapsed, short } from "../../format";
import { isElapsed } from "./axis_text";
import { DEFAULT_SMOOTHING, extent, smoothing, xAxis } from "./settings";

const PAUSE_MS = 80;
const STEPS = 200; // of the slider

interface Method {
  name: string;
  title: string;
  first: () => number;
  /** The amount at a place of the slider, 0 to 1, and the place of an amount. */
  at: (place: number) => number;
  place: (amount: number) => number;
  told: (amount: number) => string;
}

const digits = (value: number, n: number) => Number(value.toPrecision(n));
/** Weights near 1 differ most: the slider goes by how many points they average. */
const weight = {
  at: (place: number) => digits(1 - 10 ** (-3 * place), 3),
  place: (amount: number) => Math.min(1, -Math.log10(1 - Math.min(amount, 0.999)) / 3),
  told: String,
};
const odd = {
  first: () => 11,
  at: (place: number) => 2 * Math.round(100 ** place) + 1,
  place: (amount: number) => Math.log(Math.max(1, (amount - 1) / 2)) / Math.log(100),
  told: (amount: number) => `${amount} buckets`,
};

function wide(): number {
  const [lo, hi] = extent.peek() ?? [0, 1e6];
  return hi - lo || 1;
}

const METHODS: Record<string, Method> = {
  twema: { name: "TWEMA", title: "time-weighted moving average: alike for lines of any density; weight", first: () => 0.9, ...weight },
  ema: { name: "EMA", title: "debiased exponential moving average over buckets; beta", first: () => 0.9, ...weight },
  gaussian: {
    name: "Gaussian",
    title: "Gaussian kernel; sigma in units of the x-axis",
    first: () => digits(wide() / 50, 2),
    at: (place) => digits(wide() * 10 ** (-3 + 2.5 * place), 2),
    place: (amount) => (Math.log10(amount / wide()) + 3) / 2.5,
    told: (amount) => (isElapsed(xAxis.value) || xAxis.value === "time" ? `σ ${elapsed(amount, amount < 10 ? 0.1 : 1)}` : `σ ${short(amount)}`),
  },
  mean: { name: "rolling mean", title: "mean of a window of buckets", ...odd },
  median: { name: "rolling median", title: "median of a window of buckets: ignores spikes", ...odd },
};

export function Smoothing() {
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const [dragged, setDragged] = useState<number | null>(null);
  const [name = "", written = ""] = smoothing.value?.split(":") ?? [];
  const method = METHODS[name];
  const amount = dragged ?? Number(written);
  useEffect(() => setDragged(null), [smoothing.value]);
  const choose = (next: string) => {
    const chosen = METHODS[next];
    smoothing.value = chosen ? `${next}:${chosen.first()}` : null;
  };
  return (
    <span class="smoothing">
      <select aria-label="Smoothing" value={method ? name : ""} onChange={(event) => choose(event.currentTarget.value)}>
        <option value="">not smoothed</option>
        {Object.entries(METHODS).map(([key, { name: told, title }]) => (
          <option key={key} value={key} title={title}>
            {told}
          </option>
        ))}
      </select>
      {method && (
        <>
          <input
            type="range"
            min="0"
            max={STEPS}
            aria-label="Amount of smoothing"
            aria-valuetext={method.told(amount)}
            title={method.title}
            value={Math.round(STEPS * Math.min(1, Math.max(0, method.place(amount))))}
            onInput={(event) => {
              const next = method.at(Number(event.currentTarget.value) / STEPS);
              setDragged(next);
              clearTimeout(timer.current);
              timer.current = setTimeout(() => (smoothing.value = `${name}:${next}`), PAUSE_MS);
            }}
          />
          <output>{method.told(amount)}</output>
        </>
      )}
    </span>
  );
}

/** Switches smoothing on with its default, or off. */
export function toggleSmoothing(): void {
  smoothing.value = smoothing.value ? null : DEFAULT_SMOOTHING;
}
