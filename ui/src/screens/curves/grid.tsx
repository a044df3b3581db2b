// The charts: what training is about first, then the others, folded by the part of their name before the first "/".
import { computed, signal } from "@preact/signals";
import { Chart } from "./chart";
import { chosen, metrics, metricsLoaded } from "./state";
import type { Metric } from "./types";
import { metricFilter } from "./view";

const HEADLINE = /return|reward|ep_?rew/i;
const HEADLINE_TITLE = "returns and rewards";

interface Section {
  title: string;
  metrics: Metric[];
}

const folded = signal<ReadonlySet<string>>(new Set());

function titleOf(name: string): string {
  if (HEADLINE.test(name)) return HEADLINE_TITLE;
  const cut = name.indexOf("/");
  return cut > 0 ? name.slice(0, cut) : "other metrics";
}

const sections = computed<Section[]>(() => {
  const words = metricFilter.value.toLowerCase().split(/\s+/).filter(Boolean);
  const drawn = new Set(chosen.value);
  const groups = new Map<string, Metric[]>([[HEADLINE_TITLE, []]]);
  for (const metric of metrics.value) {
    const name = metric.name.toLowerCase();
    if (!words.every((word) => name.includes(word)) || !metric.runs.some((key) => drawn.has(key))) continue;
    const title = titleOf(metric.name);
    const group = groups.get(title);
    if (group) group.push(metric);
    else groups.set(title, [metric]);
  }
  return [...groups].filter(([, group]) => group.length > 0).map(([title, group]) => ({ title, metrics: group }));
});

function toggle(title: string, open: boolean): void {
  const next = new Set(folded.value);
  if (open) next.delete(title);
  else next.add(title);
  folded.value = next;
}

export function Grid() {
  if (chosen.value.length === 0) return <p class="hint">Choose runs on the left to see their charts.</p>;
  if (!metricsLoaded.value) return <p class="hint">loading</p>;
  if (metrics.value.length === 0) return <p class="hint">These runs have not logged a number yet.</p>;
  if (sections.value.length === 0) return <p class="hint">No metric is called “{metricFilter.value}”.</p>;
  return (
    <>
      {sections.value.map(({ title, metrics: group }) => {
        const open = !folded.value.has(title);
        return (
          <section class="fold" key={title}>
            <h2>
              <button type="button" aria-expanded={open} onClick={() => toggle(title, !open)}>
                <span class="arrow" aria-hidden="true" />
                {title}
                <span class="quiet">{group.length}</span>
              </button>
            </h2>
            {open && (
              <div class="grid">
                {group.map((metric) => (
                  <Chart key={metric.name} metric={metric} />
                ))}
              </div>
            )}
          </section>
        );
      })}
    </>
  );
}
