// What can be done with the groups that are drawn: look at them, colour, hide; tag, note and delete where the server
// was started with --writable.
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { go } from "../../address";
import { post } from "../../api";
import { chosen, chosenRuns, hide, nameOf, picked, refreshGroups, session } from "../../groups/state";
import { DARK, dark, inkOf, LIGHT, paint } from "../../palette";

const MOST_NAMED = 12;

type Question = "color" | "tag" | "note" | "delete";

function Which() {
  const names = chosen.value.map(nameOf);
  return (
    <p class="which">
      {`${chosenRuns.value.size} ${chosenRuns.value.size === 1 ? "run" : "runs"} of: `}
      {names.slice(0, MOST_NAMED).join(", ")}
      {names.length > MOST_NAMED && ` and ${names.length - MOST_NAMED} more`}
    </p>
  );
}

function Colors() {
  const colors = dark.value ? DARK : LIGHT;
  return (
    <ul class="colors">
      {chosen.value.map((id) => (
        <li key={id}>
          <span class="what">{nameOf(id)}</span>
          {colors.map((color, place) => (
            <button
              key={color}
              type="button"
              class="swatch-button"
              aria-label={`colour ${place + 1} for ${nameOf(id)}`}
              aria-pressed={inkOf(id).color === color}
              style={{ background: color }}
              onClick={() => paint(id, place)}
            />
          ))}
        </li>
      ))}
    </ul>
  );
}

export function Actions() {
  const dialog = useRef<HTMLDialogElement>(null);
  const question = useSignal<Question | null>(null);
  const typed = useSignal("");
  const failed = useSignal<string | null>(null);
  const none = chosen.value.length === 0;
  const { writable } = session.value;
  const whyNot = writable ? undefined : "the server was started read-only: rolltape ui --writable";

  const ask = (which: Question) => {
    question.value = which;
    typed.value = "";
    failed.value = null;
    dialog.current?.showModal();
  };
  const send = async (url: string, body: Record<string, unknown>) => {
    try {
      await post(url, { runs: [...chosenRuns.value], ...body });
      refreshGroups(true);
      dialog.current?.close();
    } catch (error) {
      failed.value = error instanceof Error ? error.message : String(error);
    }
  };
  const tags = () => typed.value.split(/[\s,]+/).filter(Boolean);

  return (
    <span class="actions" role="group" aria-label="With the groups that are drawn">
      <button type="button" class="button" disabled={none} onClick={() => go("curves")}>
        curves
      </button>
      <button type="button" class="button" disabled={none} onClick={() => go("compare")}>
        compare
      </button>
      <button type="button" class="button" disabled={none} onClick={() => ask("color")}>
        colour
      </button>
      <button
        type="button"
        class="button"
        disabled={none}
        onClick={() => {
          hide(chosen.value);
          picked.value = [];
        }}
      >
        hide
      </button>
      <button type="button" class="button" disabled={none || !writable} title={whyNot} onClick={() => ask("tag")}>
        tag
      </button>
      <button type="button" class="button" disabled={none || !writable} title={whyNot} onClick={() => ask("note")}>
        note
      </button>
      <button type="button" class="button" disabled={none || !writable} title={whyNot} onClick={() => ask("delete")}>
        delete
      </button>
      <dialog ref={dialog} aria-label={question.value ?? undefined} onClose={() => (question.value = null)}>
        {question.value === "color" && (
          <>
            <h2>Colours</h2>
            <Colors />
          </>
        )}
        {question.value === "tag" && (
          <form method="dialog" onSubmit={(event) => event.preventDefault()}>
            <h2>Tags</h2>
            <Which />
            <input type="text" aria-label="Tags, with commas between" placeholder="baseline, to-repeat" value={typed.value} onInput={(event) => (typed.value = event.currentTarget.value)} />
            <p class="buttons">
              <button type="button" class="button" disabled={tags().length === 0} onClick={() => void send("api/notes", { remove: tags() })}>
                remove
              </button>
              <button type="submit" class="button primary" disabled={tags().length === 0} onClick={() => void send("api/notes", { add: tags() })}>
                add
              </button>
            </p>
          </form>
        )}
        {question.value === "note" && (
          <form method="dialog" onSubmit={(event) => event.preventDefault()}>
            <h2>Note</h2>
            <Which />
            <textarea rows={4} aria-label="Note" value={typed.value} onInput={(event) => (typed.value = event.currentTarget.value)} />
            <p class="buttons">
              <button type="submit" class="button primary" onClick={() => void send("api/notes", { note: typed.value })}>
                save
              </button>
            </p>
          </form>
        )}
        {question.value === "delete" && (
          <>
            <h2>{`Delete ${chosenRuns.value.size} ${chosenRuns.value.size === 1 ? "run" : "runs"}?`}</h2>
            <Which />
            <p>They are moved to the folder .trash of the store, from which they can be moved back by hand.</p>
            <p class="buttons">
              <button type="button" class="button danger" onClick={() => void send("api/delete", {})}>
                delete
              </button>
            </p>
          </>
        )}
        {failed.value && (
          <p class="bad" role="alert">
            {failed.value}
          </p>
        )}
        <p class="buttons">
          <button type="button" class="button" onClick={() => dialog.current?.close()}>
            {question.value === "color" ? "done" : "cancel"}
          </button>
        </p>
      </dialog>
    </span>
  );
}
