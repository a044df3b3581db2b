// Something that a screen asks the server for, and asks again when there is news, for as long as it is open.
import { useEffect, useRef, useState } from "preact/hooks";
import { jsonResource, Refused, type Resource } from "./api";
import { coalesce } from "./coalesce";
import { onPoke } from "./live";

const REFRESH_MS = 700;
const RETRY_MS = 2000;

export interface Answer<T> {
  /** The newest answer, also while another question is under way. */
  value: T | null;
  /** The question that `value` answers. */
  url: string;
  /** Why the last question was refused. */
  problem: string | null;
  status: number;
}

interface Options<T> {
  make?: () => Resource<T>;
  /** The key of the run whose news make the answer old; without it all news do. */
  run?: string | null;
  /** Another number asks again. */
  again?: number;
  /** Whether the server knows only a part of its answer yet. */
  isPart?: (value: T) => boolean;
}

const NOTHING = { value: null, url: "", problem: null, status: 0 };

/** The answer to `url`; null: no question. */
export function useAnswer<T>(url: string | null, { make = jsonResource<T>, run, again, isPart }: Options<T> = {}): Answer<T> {
  const [answer, set] = useState<Answer<T>>(NOTHING);
  const source = useRef<Resource<T> | null>(null);
  source.current ??= make();
  useEffect(() => {
    if (url === null) return set(NOTHING);
    const resource = source.current as Resource<T>;
    const stop = new AbortController();
    const ask = coalesce(async () => {
      if (document.hidden || stop.signal.aborted) return;
      try {
        const value = await resource.get(url, stop.signal);
        if (stop.signal.aborted) return resource.forget();
        set((before) =>
          value === undefined && before.url === url && !before.problem
            ? before
            : { value: value ?? before.value, url, problem: null, status: 200 },
        );
        if (value !== undefined && isPart?.(value)) {
          resource.forget();
          ask();
        }
      } catch (error) {
        if (stop.signal.aborted) return;
        if (error instanceof Refused) {
          set((before) => ({ ...before, problem: error.message, status: error.status }));
          if (error.status < 500) return;
        }
        setTimeout(ask, RETRY_MS);
      }
    }, REFRESH_MS);
    ask(true);
    const leave = onPoke((poke) => (!poke || poke.size === 0 || run === undefined || (run !== null && poke.has(run))) && ask());
    return () => {
      stop.abort();
      leave();
    };
  }, [url, run, again]);
  return answer;
}
