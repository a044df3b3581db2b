// The bar at the top: the screens, the project, light or dark, and help.
import { addressOf, go, type Screen, screen } from "./address";
import { answer, project } from "./groups/state";
import { keysShown } from "./keys";
import { Link } from "./link";
import { dark, theme } from "./palette";

const LINKS: readonly [Screen, string, string][] = [
  ["runs", "Runs", "every group of runs in a table"],
  ["curves", "Curves", "a chart for each metric"],
  ["compare", "Compare", "the chosen groups held against each other"],
  ["sweep", "Sweep", "which settings matter"],
];

function Project() {
  const { projects } = answer.value;
  if (projects.length < 2) return null;
  return (
    <select
      aria-label="Project"
      value={project.value ?? ""}
      onChange={(event) => (project.value = event.currentTarget.value || null)}
    >
      <option value="">all projects</option>
      {projects.map(({ name, runs }) => (
        <option key={name} value={name}>{`${name} (${runs})`}</option>
      ))}
    </select>
  );
}

export function Bar() {
  return (
    <nav class="bar" aria-label="Screens">
      <h1>rolltape</h1>
      {LINKS.map(([target, name, meaning]) => (
        <Link
          key={target}
          href={addressOf(target)}
          title={meaning}
          aria-current={screen.value === target ? "page" : undefined}
          open={() => go(target)}
        >
          {name}
        </Link>
      ))}
      <span class="end">
        <Project />
        <button
          type="button"
          class="icon"
          aria-label={dark.value ? "use light colours" : "use dark colours"}
          title={dark.value ? "light colours" : "dark colours"}
          onClick={() => (theme.value = dark.value ? "light" : "dark")}
        >
          {dark.value ? "☀" : "☾"}
        </button>
        <button type="button" class="icon" aria-label="keyboard shortcuts" title="keyboard shortcuts (?)" onClick={() => (keysShown.value = true)}>
          ?
        </button>
      </span>
    </nav>
  );
}
