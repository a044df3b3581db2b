/** A function that may be called as often as one likes: `task` runs at most every `ms`, and never beside itself.
 *  A task that takes long is run less often, so that it keeps the server busy for a fifth of the time at most; with
 *  `atOnce` it does not wait for its turn. */
export function coalesce(task: () => Promise<void>, ms: number): (atOnce?: boolean) => void {
  let last = -Infinity;
  let took = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let running = false;
  let again = false;

  async function go(): Promise<void> {
    timer = undefined;
    running = true;
    last = performance.now();
    try {
      await task();
    } finally {
      running = false;
      took = performance.now() - last;
      if (again) {
        again = false;
        kick();
      }
    }
  }

  function kick(atOnce = false): void {
    if (running) again = true;
    else if (atOnce) {
      clearTimeout(timer);
      void go();
    } else if (timer === undefined) {
      timer = setTimeout(() => void go(), Math.max(0, last + Math.max(ms, 4 * took) - performance.now()));
    }
  }

  return kick;
}
