// A question that is asked again whenever there may be news, for as long as its screen is open.
import { useEffect, useRef, useState } from "preact/hooks";
import { jsonResource, Refused, type Resource } from "../../api";
import { coalesce } from "../../coalesce";
import { onPoke } from "../../live";

const REFRESH_MS = 1000;
const RETRY_MS = 2000;

export interface Followed<T> {
  /** The newest answer, maybe still that of the question before. */
  value: T | null;
  /** What the server said against the present question. */
  problem: string | null;
  /** The question that `value` answers. */
  url: string;
}

/** Asks `url` (null: nothing) and keeps what was known until the new answer is there. `again` says that an answer is
 *  not complete yet. */
export function useFollowed<T>(url: string | null, make: () => Resource<T> = jsonResource<T>, again?: (value: T) => boolean): Followed<T> {
  const [state, setState] = useState<Followed<T>>({ value: null, problem: null, url: "" });
  const source = useRef<Resource<T> | null>(null);
  source.current ??= make();
  useEffect(() => {
    if (url === null) {
      setState({ value: null, problem: null, url: "" });
      return;
    }
    const resource = source.current as Resource<T>;
    const stop = new AbortController();
    const ask = coalesce(async () => {
      if (stop.signal.aborted) return;
      try {
        const fresh = await resource.get(url, stop.signal);
        if (stop.signal.aborted) return;
        if (fresh !== undefined) setState({ value: fresh, problem: null, url });
        else setState((before) => (before.problem === null ? before : { ...before, problem: null }));
        if (fresh !== undefined && again?.(fresh)) {
          resource.forget();
          ask();
        }
      } catch (error) {
        if (stop.signal.aborted) return;
        if (error instanceof Refused) setState((before) => ({ ...before, problem: error.message }));
        else setTimeout(ask, RETRY_MS);
      }
    }, REFRESH_MS);
    ask(true);
    const deaf = onPoke(() => {
      if (!document.hidden) ask();
    });
    return () => {
      stop.abort();
      deaf();
    };
  }, [url]);
  return state;
}
