// Which charts are near enough to be drawn: one observer for all of them.
type Told = (near: boolean) => void;

const watched = new Map<Element, Told>();

/** Further away charts are taken down again, so that 1,000 of them cost what ten do. */
const MARGIN = "300px";

const observer = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) watched.get(entry.target)?.(entry.isIntersecting);
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
