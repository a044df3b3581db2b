// The colours of figures: of the present theme on the page, and light ones in a file that somebody keeps.
import { DARK, dark, inkOf, LIGHT } from "../palette";

export interface Skin {
  dark: boolean;
  ground: string;
  ink: string;
  muted: string;
  axis: string;
  grid: string;
  /** What chance alone would do. */
  shade: string;
  accent: string;
}

const ON_LIGHT: Skin = {
  dark: false,
  ground: "#ffffff",
  ink: "#1b2126",
  muted: "#58636d",
  axis: "#aab3bb",
  grid: "#e9edf0",
  shade: "#d3d9de",
  accent: "#1f5f99",
};

const ON_DARK: Skin = {
  dark: true,
  ground: "#1a1e22",
  ink: "#e3e7ea",
  muted: "#9ba6b0",
  axis: "#56616b",
  grid: "#262c31",
  shade: "#3d464e",
  accent: "#6cb3f2",
};

export const skinOnPage = () => (dark.value ? ON_DARK : ON_LIGHT);
export const SKIN_OF_FILES = ON_LIGHT;

/** How one line looks: its place in the palette chooses the shape of its points too. */
export interface Look {
  color: string;
  place: number;
  second: boolean;
}

/** `id`: of a line, or of several joined by commas that stand for one. */
export function lookOf(id: string, skin: Skin): Look {
  const { color, dashed } = inkOf(id.split(",")[0] ?? id);
  const place = Math.max(0, LIGHT.indexOf(color), DARK.indexOf(color));
  return { color: (skin.dark ? DARK : LIGHT)[place] ?? color, place, second: dashed };
}

// Dark on white and bright on black where the score is best; its lightness only rises or falls
const RAMP_LIGHT = ["#e3b04b", "#e07a3f", "#c2416c", "#8a2a8c", "#3b1a78"];
const RAMP_DARK = ["#5546b8", "#8a4fc0", "#d0588c", "#f08a55", "#fbe08a"];

export function ramp(skin: Skin): readonly string[] {
  return skin.dark ? RAMP_DARK : RAMP_LIGHT;
}

/** The colour of a share between 0 (worst) and 1 (best). */
export function rampAt(share: number, skin: Skin): string {
  const stops = ramp(skin);
  const place = Math.min(1, Math.max(0, share)) * (stops.length - 1);
  const i = Math.min(stops.length - 2, Math.floor(place));
  return mixed(stops[i] ?? "#888888", stops[i + 1] ?? "#888888", place - i);
}

export function mixed(from: string, to: string, share: number): string {
  const part = (color: string, at: number) => Number.parseInt(color.slice(at, at + 2), 16);
  const one = (at: number) => Math.round(part(from, at) * (1 - share) + part(to, at) * share);
  return `#${[1, 3, 5].map((at) => one(at).toString(16).padStart(2, "0")).join("")}`;
}
