import { position } from "./format";
import { Grid } from "./grid";
import { connected } from "./live";
import { Runs } from "./runs";
import { loaded, problem, runs } from "./state";
import type { XAxis } from "./types";
import { metricFilter, setXAxis, xAxis, zoom } from "./view";

const EXAMPLE = `import rolltape
run = rolltape.init(project="cartpole", config={"lr": 3e-4, "seed": 1})
run.log({"train/episode_return": 12.0}, step=0)
run.close()`;

const AXES: readonly [XAxis, string, string][] = [
  ["step", "step", "the step that was logged"],
  ["relative", "relative time", "seconds since the run's first point"],
  ["time", "wall time", "date and time of day"],
];

function Axis() {
  return (
    <fieldset class="axis">
      <legend>x-axis</legend>
      {AXES.map(([axis, name, meaning]) => (
        <label key={axis} title={meaning}>
          <input type="radio" name="x" value={axis} checked={xAxis.value === axis} onChange={() => setXAxis(axis)} />
          <span>{name}</span>
        </label>
      ))}
    </fieldset>
  );
}

function Zoom() {
  if (!zoom.value) return <span class="quiet tip">drag across a chart to zoom</span>;
  const [lo, hi] = zoom.value;
  const resolution = (hi - lo) / 100;
  return (
    <span class="zoom">
      <span>{`${position(xAxis.value, lo, resolution)} – ${position(xAxis.value, hi, resolution)}`}</span>
      <button type="button" class="reset-zoom" onClick={() => (zoom.value = null)}>
        reset zoom
      </button>
    </span>
  );
}

function Empty() {
  return (
    <main class="empty">
      <div>
        <h1>No runs yet</h1>
        <p>This page shows runs as they are recorded. Record one, and it appears here by itself:</p>
        <pre>
          <code>{EXAMPLE}</code>
        </pre>
        <p class="quiet">
          Runs are read from the directory that <code>rolltape ui</code> was started with; a script writes to{" "}
          <code>ROLLTAPE_DIR</code>, or else to <code>./tapes</code>.
        </p>
      </div>
    </main>
  );
}

function Banner() {
  const text = !connected.value ? "Connection lost, retrying …" : problem.value;
  return (
    <div class="banner" role="status" hidden={!text}>
      {text}
    </div>
  );
}

export function App() {
  const ready = loaded.value ? "1" : undefined;
  if (loaded.value && runs.value.length === 0) {
    return (
      <div class="page" data-ready={ready}>
        <Empty />
        <Banner />
      </div>
    );
  }
  return (
    <div class="page" data-ready={ready}>
      <Runs />
      <main>
        <div class="toolbar" role="toolbar" aria-label="View">
          <input
            type="search"
            aria-label="Search metrics"
            placeholder="Search metrics"
            value={metricFilter.value}
            onInput={(event) => (metricFilter.value = event.currentTarget.value)}
          />
          <Axis />
          <Zoom />
        </div>
        {loaded.value ? <Grid /> : <p class="hint">loading</p>}
      </main>
      <Banner />
    </div>
  );
}
