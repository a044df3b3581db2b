// Keeps one chart's curve fresh: asks at once when the question changes, and at most every 500 ms when the data does.
import { type CurveQuery, curveResource, curveUrl, Refused } from "./api";
import { connected } from "./live";
import type { Curve } from "./types";

const POKE_MS = 500;
const RETRY_MS = 2000;

export interface CurveEvents {
  curve(curve: Curve): void;
  /** A sentence to show, or null when all is well again. */
  problem(sentence: string | null): void;
  /** A run of the query is gone. */
  gone(): void;
}

export class CurveLoader {
  private readonly source = curveResource();
  private query: CurveQuery | null = null;
  private url = "";
  private abort: AbortController | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private last = -Infinity;
  private stale = false;
  private visible = false;

  constructor(private readonly events: CurveEvents) {}

  /** Asks another question: whatever is under way is dropped. */
  ask(query: CurveQuery): void {
    const url = curveUrl(query);
    if (url === this.url) return;
    this.query = query;
    this.url = url;
    this.abort?.abort();
    this.abort = null;
    this.stale = true;
    this.schedule(0);
  }

  /** The runs of this query have something new. */
  poke(): void {
    this.stale = true;
    this.schedule(POKE_MS);
  }

  /** A chart out of sight stays stale until it is looked at. */
  show(visible: boolean): void {
    this.visible = visible;
    if (visible) this.schedule(POKE_MS);
  }

  close(): void {
    clearTimeout(this.timer);
    this.abort?.abort();
    this.query = null;
  }

  private schedule(gap: number): void {
    if (!this.query || !this.stale || !this.visible || document.hidden || this.abort) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.load(), Math.max(0, this.last + gap - performance.now()));
  }

  private async load(): Promise<void> {
    if (!this.query || this.abort) return;
    const abort = new AbortController();
    this.abort = abort;
    this.stale = false;
    this.last = performance.now();
    try {
      const curve = await this.source.get(this.url, abort.signal);
      if (abort.signal.aborted) return this.source.forget();
      this.events.problem(null);
      if (curve) this.events.curve(curve);
    } catch (error) {
      if (abort.signal.aborted) return;
      if (error instanceof Refused) this.events.problem(error.message);
      if (error instanceof Refused && error.status === 404) this.events.gone();
      this.source.forget();
      this.stale = true;
      if (connected.value) setTimeout(() => this.poke(), RETRY_MS); // else the next connection pokes
    } finally {
      if (this.abort === abort) {
        this.abort = null;
        this.schedule(POKE_MS);
      }
    }
  }
}
