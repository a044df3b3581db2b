// Something that a part of the screen asks the server for, and asks again when the run has news.
import { useEffect, useRef, useState } from "preact/hooks";
import { Refused, type Resource } from "../../api";
import { coalesce } from "../../coalesce";
import { onPoke } from "../../live";

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

/** The answer to `url` (null: no question); `run` is the key whose news make it old, and so does another `again`. */
export function useAnswer<T>(url: string | null, run: string | null, make: () => Resource<T>, again = 0): Answer<T> {
  const [answer, set] = useState<Answer<T>>({ value: null, url: "", problem: null, status: 0 });
  const source = useRef<Resource<T> | null>(null);
  source.current ??= make();
  useEffect(() => {
    if (url === null) return;
    const stop = new AbortController();
    const ask = coalesce(async () => {
      if (document.hidden || stop.signal.aborted) return;
      try {
        const value = await source.current?.get(url, stop.signal);
        if (stop.signal.aborted) return source.current?.forget();
        set((before) =>
          value === undefined && before.url === url && !before.problem
            ? before
            : { value: value ?? before.value, url, problem: null, status: 200 },
        );
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
    const leave = onPoke((poke) => (!poke || poke.size === 0 || (run !== null && poke.has(run))) && ask());
    return () => {
      stop.abort();
      leave();
    };
  }, [url, run, again]);
  return answer;
}
