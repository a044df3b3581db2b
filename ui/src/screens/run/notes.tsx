// What people say of a run, and its deletion; to be changed only where the server may write.
import { useEffect, useRef, useState } from "preact/hooks";
import { post } from "../../api";
import { refreshGroups, session } from "../../groups/state";
import { changed, type Details, removed } from "./state";

/** Sends a change, and gives the sentence of a refusal, or null. */
async function send(run: string, change: { add?: string[]; remove?: string[]; note?: string }): Promise<string | null> {
  try {
    await post("api/notes", { runs: [run], add: [], remove: [], ...change });
    changed.value++;
    refreshGroups();
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function Problem({ text }: { text: string | null }) {
  return text === null ? null : (
    <p class="problem" role="alert">
      {text}
    </p>
  );
}

export function Tags({ run }: { run: Details }) {
  const [problem, setProblem] = useState<string | null>(null);
  const writable = session.value.writable;
  if (run.tags.length === 0 && !writable) return null;
  return (
    <div class="tags">
      <dt>tags</dt>
      <dd>
        {run.tags.map((tag) => (
          <span key={tag} class="tag">
            {tag}
            {writable && (
              <button type="button" aria-label={`remove tag ${tag}`} onClick={async () => setProblem(await send(run.key, { remove: [tag] }))}>
                ×
              </button>
            )}
          </span>
        ))}
        {writable && (
          <form
            onSubmit={async (event) => {
              event.preventDefault();
              const field = event.currentTarget.elements.namedItem("tag") as HTMLInputElement;
              const tag = field.value.trim();
              if (!tag) return;
              const refused = await send(run.key, { add: [tag] });
              setProblem(refused);
              if (refused === null) field.value = "";
            }}
          >
            <input type="text" name="tag" size={9} placeholder="add tag" aria-label="add a tag" />
          </form>
        )}
        <Problem text={problem} />
      </dd>
    </div>
  );
}

export function Note({ run }: { run: Details }) {
  const [draft, setDraft] = useState<string | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  useEffect(() => setDraft(null), [run.key]);
  const note = run.note ?? "";
  if (draft === null) {
    if (!session.value.writable) return note ? <p class="note">{note}</p> : null;
    return (
      <p class="note">
        <span>{note}</span>
        <button type="button" class="link" onClick={() => setDraft(note)}>
          {note ? "edit note" : "add a note"}
        </button>
      </p>
    );
  }
  return (
    <form
      class="note"
      onSubmit={async (event) => {
        event.preventDefault();
        const refused = await send(run.key, { note: draft });
        setProblem(refused);
        if (refused === null) setDraft(null);
      }}
    >
      <textarea rows={3} value={draft} aria-label="note" onInput={(event) => setDraft(event.currentTarget.value)} autoFocus />
      <button type="submit" class="button primary">
        save
      </button>
      <button type="button" class="button" onClick={() => setDraft(null)}>
        cancel
      </button>
      <Problem text={problem} />
    </form>
  );
}

export function Delete({ run }: { run: Details }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [problem, setProblem] = useState<string | null>(null);
  async function remove(): Promise<void> {
    try {
      const { moved } = await post<{ moved: Record<string, string> }>("api/delete", { runs: [run.key] });
      dialog.current?.close();
      removed.value = { key: run.key, to: moved[run.key] ?? "" };
      refreshGroups();
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    }
  }
  return (
    <>
      <button type="button" class="button danger" onClick={() => dialog.current?.showModal()}>
        delete …
      </button>
      <dialog ref={dialog} aria-label="Delete this run" onClose={() => setProblem(null)}>
        <h2>Delete this run?</h2>
        <p>{`${run.name} (${run.key}) is moved to the trash of the store, and can be had back from there.`}</p>
        <Problem text={problem} />
        <p class="choices">
          <button type="button" class="button" onClick={() => dialog.current?.close()}>
            keep it
          </button>
          <button type="button" class="button danger" onClick={() => void remove()}>
            delete
          </button>
        </p>
      </dialog>
    </>
  );
}
