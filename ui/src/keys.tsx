// The keyboard: a screen declares its keys with `useKeys`; "?" lists all that work at the moment.
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { go } from "./address";

export interface Key {
  /** As KeyboardEvent.key names it. */
  key: string;
  does: string;
  run: () => void;
}

export const keysShown = signal(false);

const declared = signal<readonly (readonly Key[])[]>([]);

const EVERYWHERE: readonly Key[] = [
  { key: "1", does: "runs", run: () => go("runs") },
  { key: "2", does: "curves", run: () => go("curves") },
  { key: "3", does: "compare", run: () => go("compare") },
  { key: "4", does: "sweep", run: () => go("sweep") },
  { key: "/", does: "filter runs", run: () => document.getElementById("filter")?.focus() },
  { key: "?", does: "show these keys", run: () => (keysShown.value = !keysShown.value) },
];

/** Keys that work while the calling component is there. `keys` must be the same array each time. */
export function useKeys(keys: readonly Key[]): void {
  useEffect(() => {
    declared.value = [...declared.peek(), keys];
    return () => {
      declared.value = declared.peek().filter((others) => others !== keys);
    };
  }, [keys]);
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.matches("input:not([type=checkbox], [type=radio]), textarea, select") || target.isContentEditable);
}

export function listenToKeys(): void {
  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && isTyping(event.target)) (event.target as HTMLElement).blur();
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    const key = [...declared.value].reverse().flat().concat(EVERYWHERE).find((one) => one.key === event.key);
    if (!key) return;
    event.preventDefault();
    key.run();
  });
}

const NAMES: Record<string, string> = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", " ": "space" };

export function Keys() {
  const dialog = useRef<HTMLDialogElement>(null);
  const open = keysShown.value;
  useEffect(() => {
    if (open && !dialog.current?.open) dialog.current?.showModal();
    if (!open) dialog.current?.close();
  }, [open]);
  return (
    <dialog ref={dialog} aria-label="Keyboard shortcuts" onClose={() => (keysShown.value = false)}>
      <h2>Keys</h2>
      <div class="keys">
        {[...declared.value.flat(), ...EVERYWHERE].map(({ key, does }) => (
          <>
            <kbd>{NAMES[key] ?? key}</kbd>
            <span>{does}</span>
          </>
        ))}
        <kbd>Esc</kbd>
        <span>close this, leave a field</span>
      </div>
    </dialog>
  );
}
