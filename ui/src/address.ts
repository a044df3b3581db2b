// Everything that is chosen lives in the address: "#curves&x=time&zoom=0:100". A module declares what it keeps there
// with `param`; a screen that is opened adds a step to the browser's history, a setting does not.
import { effect, type Signal, signal } from "@preact/signals";

export const SCREENS = ["runs", "curves", "run", "compare", "sweep"] as const;
export type Screen = (typeof SCREENS)[number];

export const screen = signal<Screen>("curves");

/** How a value is written in the address; `read` gives undefined for text that is no such value. */
export interface Codec<T> {
  read(text: string): T | undefined;
  write(value: T): string;
}

export const text: Codec<string> = { read: (given) => given, write: (value) => value };

export const flag: Codec<boolean> = {
  read: (given) => (given === "1" ? true : given === "0" ? false : undefined),
  write: (value) => (value ? "1" : "0"),
};

export const number: Codec<number> = {
  read: (given) => (given !== "" && Number.isFinite(Number(given)) ? Number(given) : undefined),
  write: String,
};

/** Texts that may hold anything, a comma included. */
export const list: Codec<readonly string[]> = {
  read: (given) => (given === "" ? [] : given.split(",").map(unescape)),
  write: (values) => values.map((value) => escape(value)).join(","),
};

export function oneOf<T extends string>(...words: readonly T[]): Codec<T> {
  return { read: (given) => words.find((word) => word === given), write: (value) => value };
}

/** A value that may be missing, which is its default. */
export function maybe<T>(codec: Codec<T>): Codec<T | null> {
  return { read: codec.read, write: (value) => (value === null ? "" : codec.write(value)) };
}

interface Param {
  value: Signal<unknown>;
  codec: Codec<unknown>;
  fallback: unknown;
  nested: boolean;
}

const params = new Map<string, Param>();

/** A signal that follows the address; `fallback` is what an address without it means, and is not written. */
export function param<T>(name: string, codec: Codec<T>, fallback: T): Signal<T> {
  const value = signal(fallback);
  const nested = (codec as unknown) === list || name === "pick";
  params.set(name, { value: value as Signal<unknown>, codec: codec as Codec<unknown>, fallback, nested });
  return value;
}

function escape(given: string): string {
  return encodeURIComponent(given).replaceAll("%2F", "/").replaceAll("%3A", ":").replaceAll("%20", "+");
}

function unescape(given: string): string {
  try {
    return decodeURIComponent(given.replaceAll("+", "%20"));
  } catch {
    return given;
  }
}

/** The address of a screen with the present settings, or with `changed` ones, a list as its codec writes it. */
export function addressOf(target: Screen, changed: Record<string, string | null> = {}): string {
  const parts: string[] = [target];
  for (const [name, { value, codec, fallback, nested }] of params) {
    const given = changed[name];
    if (given === null) continue;
    if (given !== undefined) {
      parts.push(`${name}=${nested ? given : escape(given)}`);
      continue;
    }
    const written = value.value === null ? null : codec.write(value.value);
    if (written === null || written === (fallback === null ? null : codec.write(fallback))) continue;
    parts.push(`${name}=${nested ? written : escape(written)}`);
  }
  return `#${parts.join("&")}`;
}

function read(hash: string): void {
  const fields = new Map<string, string>();
  let target: Screen = "curves";
  for (const part of hash.replace(/^#/, "").split("&")) {
    const cut = part.indexOf("=");
    if (cut > 0) fields.set(part.slice(0, cut), part.slice(cut + 1));
    else target = SCREENS.find((name) => name === part) ?? target;
  }
  screen.value = target;
  for (const [name, { value, codec, fallback, nested }] of params) {
    const given = fields.get(name);
    const found = given === undefined ? undefined : codec.read(nested ? given : unescape(given));
    const next = found === undefined ? fallback : found;
    // Equal values keep their object, so that nothing is drawn again for an address that says the same
    if (JSON.stringify(next) !== JSON.stringify(value.peek())) value.value = next;
  }
}

/** Opens a screen; `changed` sets parameters on the way (null: back to the default). */
export function go(target: Screen, changed: Record<string, string | null> = {}): void {
  const address = addressOf(target, changed);
  if (address === location.hash) return;
  history.pushState(null, "", address);
  read(address);
  scrollTo(0, 0);
}

export function followAddress(): void {
  read(location.hash);
  addEventListener("hashchange", () => read(location.hash));
  addEventListener("popstate", () => read(location.hash));
  effect(() => {
    const address = addressOf(screen.value);
    if (address === location.hash) return;
    const bare = address === "#curves";
    if (bare && location.hash === "") return;
    history.replaceState(null, "", bare ? location.pathname + location.search : address);
  });
}
