// One stream of pokes for the whole page. A poke says which runs have something new; the data comes by GET.
import { signal } from "@preact/signals";

/** The keys that have news; null means "anything may have changed" (after a lost connection). */
export type Poke = ReadonlySet<string> | null;

export const connected = signal(true);

const listeners = new Set<(poke: Poke) => void>();

/** Calls `listener` with every poke, until the returned function is called. */
export function onPoke(listener: (poke: Poke) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function tell(poke: Poke): void {
  for (const listener of [...listeners]) listener(poke);
}

export function listen(): void {
  let lost = false;
  const source = new EventSource("api/events");
  source.onopen = () => {
    connected.value = true;
    if (lost) tell(null);
    lost = false;
  };
  source.onerror = () => {
    lost = true;
    connected.value = false;
    // The browser tries again by itself, except after an answer that was no event stream.
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 3000);
  };
  source.addEventListener("news", (event) => {
    const news = JSON.parse((event as MessageEvent<string>).data) as { runs: string[] };
    tell(new Set(news.runs));
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) tell(new Set());
  });
}
