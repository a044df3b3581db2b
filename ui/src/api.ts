// Conditional GETs, posts, and the binary frames of the server.

/** The server answered, and said no: 404 when a run is gone, 400 when it did not understand. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** One thing that is asked for again and again; remembers the ETag of the address it asked last. */
export class Resource<T> {
  private url = "";
  private etag = "";

  constructor(private readonly decode: (response: Response) => Promise<T>) {}

  /** The new value, or undefined where the server says it is still the one of the last call. */
  async get(url: string, signal?: AbortSignal): Promise<T | undefined> {
    const known = url === this.url ? this.etag : "";
    const headers: Record<string, string> = known ? { "If-None-Match": known } : {};
    const response = await fetch(url, { headers, cache: "no-store", ...(signal && { signal }) });
    if (response.status === 304) return undefined;
    if (!response.ok) throw new Refused(response.status, await sentence(response));
    const value = await this.decode(response);
    this.url = url;
    this.etag = response.headers.get("ETag") ?? "";
    return value;
  }

  forget(): void {
    this.etag = "";
  }
}

/** A resource whose answer is JSON of a known shape. */
export function jsonResource<T>(): Resource<T> {
  return new Resource<T>(async (response) => (await response.json()) as T);
}

/** Asks the server to change something; only one that was started with --writable does. */
export async function post<T>(url: string, body: unknown): Promise<T> {
  const headers = { "Content-Type": "application/json" };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Refused(response.status, await sentence(response));
  return (await response.json()) as T;
}

async function sentence(response: Response): Promise<string> {
  const fallback = `the server answered ${response.status}`;
  try {
    const body = (await response.json()) as { error?: unknown };
    return typeof body.error === "string" ? body.error : fallback;
  } catch {
    return fallback;
  }
}

/** "group=…" for a group's id, "run=…" for a run's key, which has a slash. */
export function lineParams(lines: readonly string[]): [string, string][] {
  return lines.map((id) => [id.includes("/") ? "run" : "group", id]);
}

/** A binary frame: its header, and a function that takes the next column of doubles where it lies. */
export function openFrame<H>(bytes: ArrayBuffer): { header: H; take: (length: number) => Float64Array } {
  const size = new DataView(bytes).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 4, size))) as H;
  let at = 4 + size;
  const take = (length: number): Float64Array => {
    const column = new Float64Array(bytes, at, length);
    at += 8 * length;
    return column;
  };
  return { header, take };
}
