// A button that opens a small panel; a click elsewhere or Esc closes it.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

interface MenuProps {
  label: string;
  class: string;
  button: ComponentChildren;
  /** Called when the panel is open only. */
  children: (close: () => void) => ComponentChildren;
}

export function Menu({ label, class: name, button, children }: MenuProps) {
  const box = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState(false);
  useEffect(() => {
    if (!open) return;
    const elsewhere = (event: Event) => {
      if (!box.current?.contains(event.target as Node)) setOpen(false);
    };
    const escape = (event: KeyboardEvent) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      setOpen(false);
      box.current?.querySelector("button")?.focus();
    };
    addEventListener("pointerdown", elsewhere);
    addEventListener("keydown", escape, true);
    return () => {
      removeEventListener("pointerdown", elsewhere);
      removeEventListener("keydown", escape, true);
    };
  }, [open]);
  return (
    <div class={`menu ${name}`} ref={box}>
      <button type="button" aria-expanded={open} aria-label={label} title={label} onClick={() => setOpen(!open)}>
        {button}
      </button>
      {open && (
        <div class="panel" role="group" aria-label={label}>
          {children(() => setOpen(false))}
        </div>
      )}
    </div>
  );
}
