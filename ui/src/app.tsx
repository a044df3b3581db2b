// The page: a bar of screens, and the screen that the address names.
import { screen } from "./address";
import { Bar } from "./bar";
import { isCondition } from "./groups/filter";
import { Sidebar } from "./groups/sidebar";
import { answer, filter, groups, loaded, problem, project } from "./groups/state";
import { Keys } from "./keys";
import { connected } from "./live";
import { CompareScreen } from "./screens/compare/screen";
import { CurvesScreen } from "./screens/curves/screen";
import { RunScreen } from "./screens/run/screen";
import { RunsScreen } from "./screens/runs/screen";
import { SweepScreen } from "./screens/sweep/screen";

const EXAMPLE = `import rolltape
run = rolltape.init(project="cartpole", config={"lr": 3e-4, "seed": 1})
run.log({"train/episode_return": 12.0}, step=0)
run.close()`;

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
  // What is wrong with a condition is said where it is typed
  const told = isCondition(filter.value) && screen.value !== "run" ? null : problem.value;
  const text = connected.value ? told : "Connection lost, retrying …";
  return (
    <div class="banner" role="status" hidden={!text}>
      {text}
    </div>
  );
}

function Screen() {
  // No group was ever told, and the server said why
  const nothing = problem.value !== null && groups.value.length === 0;
  switch (screen.value) {
    case "runs":
      return <RunsScreen />;
    case "run":
      return <RunScreen />;
    case "curves":
      return (
        <div class="beside">
          <Sidebar />
          {!nothing && <CurvesScreen />}
        </div>
      );
    case "compare":
      return (
        <div class="beside">
          <Sidebar />
          {!nothing && <CompareScreen />}
        </div>
      );
    case "sweep":
      return <SweepScreen />;
  }
}

export function App() {
  const nothing = loaded.value && answer.value.total === 0 && !filter.value && !project.value && !problem.value;
  return (
    <div class="page" data-ready={loaded.value ? "1" : undefined} data-screen={screen.value}>
      <Bar />
      {nothing ? <Empty /> : loaded.value ? <Screen /> : <p class="hint">loading</p>}
      <Banner />
      <Keys />
    </div>
  );
}
