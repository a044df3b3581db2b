// One stream of pokes for all tabs. A poke says which runs have something new; the data comes by GET.
//
// A browser opens six connections to a server at most, and a stream keeps one of them: the tab that holds the lock
// listens and passes on what it hears, and another takes over when it is closed.
import { signal } from "@preact/signals";

/** The keys that have news; null means "anything may have changed" (after a lost connection). */
export type Poke = ReadonlySet<string> | null;

export const connected = signal(true);

const NAME = "rolltape news";
const AGAIN_MS = 3000;

type Message = { runs: string[] | null } | { connected: boolean };

const listeners = new Set<(poke: Poke) => void>();

/** Calls `listener` with every poke, until the returned function is called. */
export function onPoke(listener: (poke: Poke) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function tell(poke: Poke): void {
  for (const listener of [...listeners]) listener(poke);
}

function hear(message: Message): void {
  if ("connected" in message) connected.value = message.connected;
  else tell(message.runs && new Set(message.runs));
}

/** Listens. `lost`: something may have been missed before. */
function open(say: (message: Message) => void, lost: boolean): void {
  const source = new EventSource("api/events");
  source.onopen = () => {
    say({ connected: true });
    if (lost) say({ runs: null });
    lost = false;
  };
  source.onerror = () => {
    lost = true;
    say({ connected: false });
    // The browser tries again by itself, except after an answer that was no event stream
    if (source.readyState === EventSource.CLOSED) {
      setTimeout(() => open(say, true), AGAIN_MS);
    }
  };
  source.addEventListener("news", (event) => {
    say({ runs: (JSON.parse((event as MessageEvent<string>).data) as { runs: string[] }).runs });
  });
}

export function listen(): void {
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) tell(new Set());
  });
  // Locks are for secure origins: another machine's address without TLS has none
  if (!("locks" in navigator)) return open(hear, false);
  const tabs = new BroadcastChannel(NAME);
  tabs.onmessage = (event: MessageEvent<Message>) => hear(event.data);
  const asked = performance.now();
  void navigator.locks.request(NAME, () => {
    const isLater = performance.now() - asked > AGAIN_MS; // another tab listened until now
    open((message) => {
      hear(message);
      tabs.postMessage(message);
    }, isLater);
    return new Promise<never>(() => undefined); // kept until the tab is closed
  });
}
