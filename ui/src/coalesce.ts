/** A function that may be called as often as one likes: `task` runs at most every `ms`, and never beside itself. */
export function coalesce(task: () => Promise<void>, ms: number): () => void {
  let last = -Infinity;
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
      if (again) {
        again = false;
        kick();
      }
    }
  }

  function kick(): void {
    if (running) again = true;
    else if (timer === undefined) timer = setTimeout(() => void go(), Math.max(0, last + ms - performance.now()));
  }

  return kick;
}
