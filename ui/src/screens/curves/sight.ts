// Which charts are near enough to be drawn: one observer for all of them. For paper all are.
import { effect } from "@preact/signals";
import { printing } from "../../paper";

type Told = (near: boolean) => void;

const watched = new Map<Element, Told>();

/** Further away charts are taken down again, so that 1,000 of them cost what ten do. */
const MARGIN = "300px";
/** Charts that are printed at most. */
const MOST_PRINTED = 200;
/** How long (ms) printing waits for them. */
const PATIENCE = 30_000;

const observer = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting: near } of entries) if (near || !printing.value) watched.get(target)?.(near);
  },
  { rootMargin: MARGIN },
);

/** Tells whether an element is near what is in sight, until the returned function is called. */
export function watchSight(element: Element, told: Told): () => void {
  watched.set(element, told);
  observer.observe(element);
  return () => {
    watched.delete(element);
    observer.unobserve(element);
  };
}

const printed = () => [...document.querySelectorAll("section.chart")].slice(0, MOST_PRINTED);

effect(() => {
  if (printing.value) return printed().forEach((chart) => watched.get(chart)?.(true));
  observer.disconnect();
  for (const chart of watched.keys()) observer.observe(chart); // which tells of each anew
});

/** Prints once all charts are drawn. */
export function printAll(): void {
  const last = performance.now() + PATIENCE;
  printing.value = true;
  const look = () => {
    const ready = printed().every((chart) => chart.querySelector(".plot:not(.loading, .waiting)"));
    if (ready || performance.now() > last) print();
    else setTimeout(look, 100);
  };
  setTimeout(look, 100);
}

addEventListener("keydown", (event) => {
  if (event.key !== "p" || !(event.ctrlKey || event.metaKey) || !document.querySelector("section.chart")) return;
  event.preventDefault();
  printAll();
});
