// One run: what it is, its curve with its media, its metrics, episodes, settings, system, texts and files.
import { addressOf, go } from "../../address";
import { useAnswer } from "../../answer";
import { runByKey } from "../../groups/state";
import { type Key, useKeys } from "../../keys";
import { Link } from "../../link";
import { Config } from "./config";
import { Episodes } from "./episodes";
import { Files } from "./files";
import { goBy, Head } from "./head";
import { step } from "./media";
import { Metrics } from "./metrics";
import { Overview } from "./overview";
import "./run.css";
import { changed, type Details, opened, removed, type Summary, type Tab, tab, TABS } from "./state";
import { System } from "./system";
import { Texts } from "./texts";

const KEYS: readonly Key[] = [
  { key: "[", does: "previous run of the group", run: () => goBy(-1) },
  { key: "]", does: "next run of the group", run: () => goBy(1) },
  { key: "ArrowLeft", does: "media before", run: () => step("before") },
  { key: "ArrowRight", does: "media after", run: () => step("after") },
];

const NAMES: Record<Tab, string> = {
  overview: "Overview",
  metrics: "Metrics",
  episodes: "Episodes",
  config: "Config",
  system: "System",
  text: "Text",
  files: "Files",
};

function Tabs({ run, metrics }: { run: Details; metrics: readonly Summary[] | null }) {
  const counts: Partial<Record<Tab, number>> = { metrics: metrics?.length ?? 0, text: run.texts, files: run.file_count };
  return (
    <nav class="tabs" aria-label="Parts of the run">
      {TABS.filter((name) => name !== "text" || run.texts > 0 || tab.value === name).map((name) => (
        <Link
          key={name}
          href={addressOf("run", { tab: name })}
          aria-current={tab.value === name ? "page" : undefined}
          open={() => (tab.value = name)}
        >
          {NAMES[name]}
          {counts[name] !== undefined && <span class="quiet">{` ${counts[name]}`}</span>}
        </Link>
      ))}
    </nav>
  );
}

function Body({ run, metrics }: { run: Details; metrics: readonly Summary[] }) {
  switch (tab.value) {
    case "overview":
      return <Overview run={run} metrics={metrics} />;
    case "metrics":
      return <Metrics metrics={metrics} />;
    case "episodes":
      return <Episodes run={run} metrics={metrics} />;
    case "config":
      return <Config run={run} />;
    case "system":
      return <System run={run} />;
    case "text":
      return <Texts run={run} />;
    case "files":
      return <Files run={run} />;
  }
}

/** The run of the address is not to be had. */
function Gone({ run, was, problem }: { run: string; was: boolean; problem: string }) {
  const moved = removed.value?.key === run ? removed.value : null;
  return (
    <p class="gone" role="alert">
      {moved ? (
        <>
          This run was deleted; it lies in <code>{moved.to}</code> now.
        </>
      ) : was ? (
        "This run was deleted from the store. What was read of it stays here until the page is left."
      ) : (
        `There is nothing to show: ${problem}.`
      )}{" "}
      <Link class="link" href={addressOf("runs", { run: null })} open={() => go("runs", { run: null })}>
        all runs
      </Link>
    </p>
  );
}

export function RunScreen() {
  useKeys(KEYS);
  const key = opened.value;
  const asked = key === null ? null : new URLSearchParams({ run: key }).toString();
  const details = useAnswer<Details>(asked && `api/run?${asked}`, { run: key, again: changed.value });
  const summaries = useAnswer<{ metrics: Summary[] }>(asked && `api/summaries?${asked}`, { run: key });
  if (key === null) {
    const newest = [...runByKey.value.values()][0];
    return (
      <main class="run" aria-label="Run">
        <p class="hint">
          No run is open.{" "}
          {newest && (
            <button type="button" class="link" onClick={() => go("run", { run: newest.key })}>
              {`open the newest, ${newest.name}`}
            </button>
          )}
        </p>
      </main>
    );
  }
  const run = details.value;
  const gone = details.status === 404;
  const here = run !== null && (!gone || run.key === key);
  const metrics = summaries.value?.metrics ?? null;
  return (
    <main class="run" aria-label="Run" data-run={run?.key} data-gone={gone ? "1" : undefined}>
      {gone && <Gone run={key} was={run?.key === key} problem={details.problem ?? ""} />}
      {!gone && details.problem && <p class="problem">{details.problem}</p>}
      {here && (
        <>
          <Head run={run} metrics={metrics} />
          <Tabs run={run} metrics={metrics} />
          {metrics === null ? <p class="hint">{summaries.problem ?? "loading"}</p> : <Body run={run} metrics={metrics} />}
        </>
      )}
      {!run && !details.problem && <p class="hint">loading</p>}
    </main>
  );
}
