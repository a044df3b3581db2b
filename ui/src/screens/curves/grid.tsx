// The charts: the pinned ones, what training is about, then the others, folded by the part of their name before "/".
import { chosen, groups, project } from "../../groups/state";
import { Chart } from "./chart";
import { metrics, metricsProblem, sections } from "./metrics";
import { find, folded, having, size } from "./settings";

export function Grid() {
  if (groups.value.length === 0) return <p class="hint">{project.value ? `No run of ${project.value} is shown.` : "No run is shown."}</p>;
  if (chosen.value.length === 0) return <p class="hint">Choose groups on the left to see their curves.</p>;
  if (metrics.value === null) return <p class="hint">{metricsProblem.value ?? "loading"}</p>;
  if (metrics.value.length === 0) return <p class="hint">These runs have not logged a number yet.</p>;
  if (sections.value.length === 0) {
    return (
      <p class="hint">
        No metric is called “{find.value}”.{" "}
        <button type="button" class="link" onClick={() => (find.value = "")}>
          show all
        </button>
      </p>
    );
  }
  return (
    <>
      {sections.value.map(({ title, metrics: names }) => {
        const open = !folded.value.includes(title);
        return (
          <section class="fold" key={title} data-section={title}>
            <h2>
              <button type="button" aria-expanded={open} onClick={() => (folded.value = having(folded.value, title, open))}>
                <span class="arrow" aria-hidden="true" />
                {title}
                <span class="quiet">{names.length}</span>
              </button>
            </h2>
            {open && (
              <div class={`grid ${size.value}`}>
                {names.map((name) => (
                  <Chart key={name} metric={name} />
                ))}
              </div>
            )}
          </section>
        );
      })}
    </>
  );
}
