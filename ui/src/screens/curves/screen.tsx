// A chart for each metric of the chosen groups.
import { useEffect } from "preact/hooks";
import { type Key, useKeys } from "../../keys";
import "./curves.css";
import { Grid } from "./grid";
import { followMetrics } from "./metrics";
import { enlarged, lines } from "./settings";
import { printAll } from "./sight";
import { toggleSmoothing } from "./smoothing";
import { Toolbar } from "./toolbar";
import { pan, resetZoom, scale } from "./window";

const KEYS: readonly Key[] = [
  { key: "ArrowLeft", does: "move the window back", run: () => pan(-0.2) },
  { key: "ArrowRight", does: "move the window on", run: () => pan(0.2) },
  { key: "+", does: "zoom in", run: () => scale(0.5) },
  { key: "-", does: "zoom out", run: () => scale(2) },
  { key: "0", does: "show everything", run: resetZoom },
  { key: "s", does: "groups or seeds", run: () => (lines.value = lines.value === "groups" ? "seeds" : "groups") },
  { key: "m", does: "smoothing on or off", run: toggleSmoothing },
  { key: "p", does: "print all charts", run: printAll },
  { key: "f", does: "find metrics", run: () => document.getElementById("find-metric")?.focus() },
];

const ESCAPE: readonly Key[] = [{ key: "Escape", does: "make the large chart small again", run: () => (enlarged.value = null) }];

/** Esc means this only while there is a large chart; else it closes a dialog. */
function Escape() {
  useKeys(ESCAPE);
  return null;
}

export function CurvesScreen() {
  useKeys(KEYS);
  useEffect(followMetrics, []);
  return (
    <main class="curves" aria-label="Curves">
      <Toolbar />
      <Grid />
      {enlarged.value !== null && <Escape />}
    </main>
  );
}
