// Keeps one chart's curve fresh: asks at once when the question changes, and at most every 500 ms when the data does.
import { Refused } from "../../api";
import type { Curve } from "../../types";
import { curveResource } from "./question";

const POKE_MS = 500;
/** News wait so long at most, unless the server takes long: what is logged shall be seen within a second. */
const LATEST_MS = 900;
const RETRY_MS = 1000;

export interface CurveEvents {
  /** The answer to the question `url`, and when it was asked. */
  curve(curve: Curve, url: string): void;
  /** A sentence to show, or null when all is well again. */
  problem(sentence: string | null): void;
}

export class CurveLoader {
  private readonly source = curveResource();
  private url = "";
  private abort: AbortController | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private last = -Infinity;
  private took = 0;
  private stale = false;
  private visible = false;

  constructor(private readonly events: CurveEvents) {}

  /** Asks another question: whatever is under way is dropped. */
  ask(url: string): void {
    if (url === this.url) return;
    this.url = url;
    this.abort?.abort();
    this.abort = null;
    this.stale = true;
    this.schedule(true);
  }

  /** The runs of the question have something new. */
  poke(): void {
    this.stale = true;
    this.schedule();
  }

  /** A chart out of sight stays stale until it is looked at. */
  show(visible: boolean): void {
    this.visible = visible;
    if (visible) this.schedule();
  }

  close(): void {
    clearTimeout(this.timer);
    this.abort?.abort();
    this.url = "";
  }

  private schedule(atOnce = false): void {
    if (!this.url || !this.stale || !this.visible || document.hidden || this.abort) return;
    clearTimeout(this.timer);
    // Asking costs the server little: a chart asks at a pace that keeps it busy for a twentieth of the time, or a fifth
    const gap = atOnce ? 0 : Math.max(POKE_MS, Math.min(LATEST_MS, 20 * this.took), 4 * this.took);
    const wait = this.last + gap - performance.now();
    if (atOnce && wait <= 0) void this.load();
    else this.timer = setTimeout(() => void this.load(), Math.max(0, wait));
  }

  private async load(): Promise<void> {
    if (!this.url || this.abort) return;
    const abort = new AbortController();
    const url = this.url;
    this.abort = abort;
    this.stale = false;
    this.last = performance.now();
    try {
      const curve = await this.source.get(url, abort.signal);
      if (abort.signal.aborted) return this.source.forget();
      this.took = performance.now() - this.last;
      this.events.problem(null);
      if (curve) this.events.curve(curve, url);
    } catch (error) {
      if (abort.signal.aborted) return;
      this.source.forget();
      if (error instanceof Refused) this.events.problem(error.message);
      else {
        this.stale = true;
        this.last = performance.now() + RETRY_MS;
      }
    } finally {
      if (this.abort === abort) {
        this.abort = null;
        this.schedule();
      }
    }
  }
}
