// A list of which only the rows in sight exist: 10,000 rows cost what 40 do.
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { printing } from "./paper";

const MARGIN = 8; // rows drawn beyond either edge, so that fast scrolling shows no holes
const MOST_PRINTED = 1000;

interface Window {
  first: number;
  end: number;
}

/** The rows of a scrolling box that are in sight; `top` is how far below the box's content they begin. */
export function useRowsInSight(count: number, height: number, top = 0) {
  const box = useRef<HTMLDivElement>(null);
  const [seen, setSeen] = useState<Window>({ first: 0, end: 60 });
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const look = () => {
      const first = Math.max(0, Math.floor((element.scrollTop - top) / height) - MARGIN);
      const end = Math.ceil((element.scrollTop - top + element.clientHeight) / height) + MARGIN;
      setSeen((before) => (before.first === first && before.end === end ? before : { first, end }));
    };
    look();
    element.addEventListener("scroll", look, { passive: true });
    const size = new ResizeObserver(look);
    size.observe(element);
    return () => {
      element.removeEventListener("scroll", look);
      size.disconnect();
    };
  }, [height, top]);
  if (printing.value) return { box, first: 0, end: Math.min(count, MOST_PRINTED) };
  const first = Math.min(seen.first, Math.max(0, count - 1));
  return { box, first, end: Math.min(count, Math.max(seen.end, first)) };
}

interface ListProps {
  count: number;
  height: number;
  class: string;
  label: string;
  row: (index: number) => ComponentChildren;
}

/** Rows of equal height. */
export function VirtualList({ count, height, class: name, label, row }: ListProps) {
  const { box, first, end } = useRowsInSight(count, height);
  const rows: ComponentChildren[] = [];
  for (let index = first; index < end; index++) rows.push(row(index));
  return (
    <div class={name} ref={box} tabIndex={0} role="group" aria-label={label}>
      <ul style={{ paddingTop: `${first * height}px`, height: `${count * height}px` }}>{rows}</ul>
    </div>
  );
}
