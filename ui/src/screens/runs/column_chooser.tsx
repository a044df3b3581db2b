// Which columns the table has, and in which order.
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { chosenColumns, columns } from "../../groups/columns";
import { answer } from "../../groups/state";
import { columnOf, FIXED_SPECS } from "./columns";

const MOST = 60; // offers shown; a search finds the others

function offers(): string[] {
  const { keys, shared, metrics } = answer.value;
  return [
    ...FIXED_SPECS,
    ...keys.map((key) => `config.${key}`),
    ...metrics.flatMap((name) => ["last", "max", "min", "mean", "spark"].map((score) => `${score}:${name}`)),
    ...Object.keys(shared).map((key) => `config.${key}`),
  ];
}

function told(spec: string): string {
  const column = columnOf(spec);
  return column ? [column.kind, spec.startsWith("config.") ? spec.slice(7) : column.title].filter(Boolean).join(" · ") : spec;
}

function move(spec: string, by: number): void {
  const next = [...columns.value];
  const at = next.indexOf(spec);
  const to = at + by;
  if (at < 0 || to < 0 || to >= next.length) return;
  next.splice(at, 1);
  next.splice(to, 0, spec);
  chosenColumns.value = next;
}

function Chooser({ shown, close }: { shown: readonly string[]; close: () => void }) {
  const sought = useSignal("");
  const words = sought.value.toLowerCase().split(/\s+/).filter(Boolean);
  const found = offers().filter((spec) => !shown.includes(spec) && words.every((word) => told(spec).toLowerCase().includes(word)));
  return (
    <>
      <h2>Columns</h2>
      <ol aria-label="Shown">
        {shown.map((spec, i) => (
          <li key={spec}>
            <span class="what" title={columnOf(spec)?.meaning}>
              {told(spec)}
            </span>
            <button type="button" disabled={i === 0} aria-label={`move ${told(spec)} left`} onClick={() => move(spec, -1)}>
              ↑
            </button>
            <button type="button" disabled={i === shown.length - 1} aria-label={`move ${told(spec)} right`} onClick={() => move(spec, 1)}>
              ↓
            </button>
            <button type="button" aria-label={`remove ${told(spec)}`} onClick={() => (chosenColumns.value = shown.filter((one) => one !== spec))}>
              ×
            </button>
          </li>
        ))}
      </ol>
      <input
        type="search"
        aria-label="Search columns to add"
        placeholder="add: a setting, last, best, mean or curve of a metric"
        value={sought.value}
        onInput={(event) => (sought.value = event.currentTarget.value)}
      />
      <ul aria-label="To add">
        {found.slice(0, MOST).map((spec) => (
          <li key={spec}>
            <button type="button" class="add" title={columnOf(spec)?.meaning} onClick={() => (chosenColumns.value = [...shown, spec])}>
              {`+ ${told(spec)}`}
            </button>
          </li>
        ))}
        {found.length > MOST && <li class="quiet">{`and ${found.length - MOST} more: search for them`}</li>}
      </ul>
      <p class="buttons">
        <button type="button" class="button" disabled={chosenColumns.value === null} onClick={() => (chosenColumns.value = null)}>
          reset
        </button>
        <button type="button" class="button primary" onClick={() => close()}>
          done
        </button>
      </p>
    </>
  );
}

export function ColumnChooser() {
  const dialog = useRef<HTMLDialogElement>(null);
  const open = useSignal(false);
  const shown = columns.value;
  return (
    <>
      <button
        type="button"
        class="button"
        onClick={() => {
          open.value = true;
          dialog.current?.showModal();
        }}
      >
        columns
      </button>
      <dialog ref={dialog} class="chooser" aria-label="Columns of the table" onClose={() => (open.value = false)}>
        {open.value && <Chooser shown={shown} close={() => dialog.current?.close()} />}
      </dialog>
    </>
  );
}
