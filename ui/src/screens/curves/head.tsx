// The title of a chart and what can be done with it.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Menu } from "./menu";
import { metrics as known } from "./metrics";
import { combine, enlarged, having, pinned } from "./settings";

const MOST_METRICS = 8; // as the server has it
const MOST_OFFERED = 60;

const ICONS = {
  pin: "M6 2.5h4l-.5 4 2.5 2v1H4v-1l2.5-2ZM8 9.5v4.5",
  combine: "M2 11c2.5 0 3-6 6-6s3.5 6 6 6M2 5c2.5 0 3 6 6 6s3.5-6 6-6",
  big: "M9.5 2.5h4v4M13.5 2.5 9 7M6.5 13.5h-4v-4M2.5 13.5 7 9",
  save: "M8 2.5v7.5M4.8 7 8 10.2 11.2 7M2.5 13.5h11",
};

export function Icon({ name }: { name: keyof typeof ICONS }) {
  return (
    <svg width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">
      <path d={ICONS[name]} />
    </svg>
  );
}

function Others({ metrics }: { metrics: readonly string[] }) {
  const [typed, setTyped] = useState("");
  const [first = "", ...others] = metrics;
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  const offered = (known.value ?? []).map(({ name }) => name).filter((name) => name !== first && !others.includes(name));
  const found = offered.filter((name) => words.every((word) => name.toLowerCase().includes(word)));
  const full = metrics.length >= MOST_METRICS;
  return (
    <>
      <input type="search" aria-label="find a metric to draw into this chart" placeholder="draw also …" onInput={(event) => setTyped(event.currentTarget.value)} />
      <ul>
        {[...others, ...found.slice(0, MOST_OFFERED)].map((name) => {
          const there = others.includes(name);
          return (
            <li key={name}>
              <label title={name}>
                <input type="checkbox" checked={there} disabled={full && !there} onChange={() => combine(first, having(others, name, !there))} />
                <span>{name}</span>
              </label>
            </li>
          );
        })}
      </ul>
      {full && <p class="quiet">{`${MOST_METRICS} metrics are the most of one chart.`}</p>}
      {found.length > MOST_OFFERED && <p class="quiet">{`and ${found.length - MOST_OFFERED} more`}</p>}
      {found.length === 0 && others.length === 0 && <p class="quiet">No other metric is called so.</p>}
    </>
  );
}

interface HeadProps {
  metrics: readonly string[];
  /** Saves the chart; there is none while it is not drawn. */
  save?: (ending: "png" | "csv") => void;
}

export function Head({ metrics, save }: HeadProps) {
  const first = metrics[0] ?? "";
  const isPinned = pinned.value.includes(first);
  const isBig = enlarged.value === first;
  const action = (label: string, pressed: boolean, run: () => void, icon: ComponentChildren) => (
    <button type="button" aria-pressed={pressed} aria-label={`${label} ${first}`} title={label} onClick={run}>
      {icon}
    </button>
  );
  return (
    <header>
      <h3 title={metrics.join("\n")}>
        {metrics.map((name, i) => {
          const cut = name.lastIndexOf("/") + 1;
          return (
            <span key={name}>
              {i > 0 && " + "}
              <span class="prefix">{name.slice(0, cut)}</span>
              {name.slice(cut)}
            </span>
          );
        })}
      </h3>
      {action(isPinned ? "unpin" : "pin to the top", isPinned, () => (pinned.value = having(pinned.value, first, !isPinned)), <Icon name="pin" />)}
      <Menu class="others" label={`combine ${first} with other metrics`} button={<Icon name="combine" />}>
        {() => <Others metrics={metrics} />}
      </Menu>
      {action(isBig ? "make small again (Esc)" : "enlarge", isBig, () => (enlarged.value = isBig ? null : first), <Icon name="big" />)}
      {save && (
        <Menu class="save" label={`save ${first}`} button={<Icon name="save" />}>
          {(close) => (
            <>
              {(["png", "csv"] as const).map((ending) => (
                <button
                  key={ending}
                  type="button"
                  onClick={() => {
                    close();
                    save(ending);
                  }}
                >
                  {ending === "png" ? "PNG picture" : "CSV of the drawn numbers"}
                </button>
              ))}
            </>
          )}
        </Menu>
      )}
    </header>
  );
}
