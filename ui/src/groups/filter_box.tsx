// Where runs are searched for: plain words, or a condition such as lr < 3e-4 and status = 'finished'.
import { useEffect, useRef } from "preact/hooks";
import { isCondition } from "./filter";
import { answer, filter, problem } from "./state";

const PAUSE_MS = 250; // a condition is sent once its writer pauses

export function FilterBox() {
  const input = useRef<HTMLInputElement>(null);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const typed = filter.value;
  useEffect(() => {
    // The address may change without this box: back, or a link
    if (input.current && document.activeElement !== input.current) input.current.value = typed;
  }, [typed]);
  const wrong = isCondition(typed) ? problem.value : null;
  const unknown = answer.value.unknown;
  return (
    <div class="filter">
      <input
        ref={input}
        type="search"
        id="filter"
        aria-label="Filter runs: words, or a condition"
        aria-invalid={wrong !== null}
        placeholder="Filter: ppo, or lr < 1e-3"
        title={"words: every word must be in a run's name, tags, status or settings\ncondition: lr > 1e-4 and env_id = 'Ant-v5', name like 'ppo%', status = 'finished', last.loss < 3"}
        defaultValue={typed}
        onInput={(event) => {
          const { value } = event.currentTarget;
          clearTimeout(timer.current);
          timer.current = setTimeout(() => (filter.value = value.trim()), PAUSE_MS);
        }}
      />
      {wrong !== null && (
        <pre class="problem" role="alert">
          {wrong}
        </pre>
      )}
      {wrong === null && unknown.length > 0 && <p class="problem soft">{unknown.join("\n")}</p>}
    </div>
  );
}
