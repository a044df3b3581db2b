// What figures are put together from: points, axes, a legend. All looks are attributes, so that a saved file has them.
import type { ComponentChildren } from "preact";
import type { Scale } from "./scales";
import { type Look, lookOf, type Skin } from "./skin";
import { fitted, widthOf } from "./words";

const SHAPES: readonly ((x: number, y: number, r: number) => string)[] = [
  (x, y, r) => `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0Z`,
  (x, y, r) => `M${x - 0.9 * r} ${y - 0.9 * r}h${1.8 * r}v${1.8 * r}h${-1.8 * r}Z`,
  (x, y, r) => `M${x} ${y - 1.25 * r}L${x + 1.15 * r} ${y + 0.85 * r}H${x - 1.15 * r}Z`,
  (x, y, r) => `M${x} ${y - 1.3 * r}L${x + 1.3 * r} ${y}L${x} ${y + 1.3 * r}L${x - 1.3 * r} ${y}Z`,
  (x, y, r) => `M${x} ${y + 1.25 * r}L${x + 1.15 * r} ${y - 0.85 * r}H${x - 1.15 * r}Z`,
];

export const round = (pixel: number) => Math.round(pixel * 10) / 10;

/** The point of a line in its colour and shape; those of the palette's second round are hollow. */
export function Point({ x, y, r = 4, look, ground, opacity }: { x: number; y: number; r?: number; look: Look; ground: string; opacity?: number }) {
  const shape = SHAPES[look.place % SHAPES.length];
  return (
    <path
      d={shape?.(round(x), round(y), r)}
      fill={look.second ? ground : look.color}
      stroke={look.second ? look.color : ground}
      stroke-width={look.second ? 1.6 : 1}
      opacity={opacity}
    />
  );
}

interface AxisProps {
  scale: Scale;
  skin: Skin;
  /** Where the axis lies, and where its grid lines end. */
  at: number;
  to: number;
  title?: string;
}

/** Ticks whose labels do not touch. */
function apart(scale: Scale, size: number): Scale["ticks"] {
  let end = -Infinity;
  const ordered = [...scale.ticks].sort((a, b) => scale.at(a.value) - scale.at(b.value));
  return ordered.filter((tick) => {
    const half = widthOf(tick.label, size) / 2;
    const middle = scale.at(tick.value);
    if (middle - half < end + 8) return false;
    end = middle + half;
    return true;
  });
}

export function BottomAxis({ scale, skin, at, to, title, from, end }: AxisProps & { from: number; end: number }) {
  return (
    <g font-size="11" fill={skin.muted} text-anchor="middle">
      {apart(scale, 11).map(({ value, label }) => (
        <g key={value}>
          <path d={`M${round(scale.at(value))} ${to}V${at}`} stroke={skin.grid} fill="none" />
          <text x={round(scale.at(value))} y={at + 15}>
            {label}
          </text>
        </g>
      ))}
      <path d={`M${from} ${at}H${end}`} stroke={skin.axis} fill="none" />
      {title && (
        <text x={(from + end) / 2} y={at + 31}>
          {fitted(title, end - from, 11)}
        </text>
      )}
    </g>
  );
}

export function LeftAxis({ scale, skin, at, to, title, top }: AxisProps & { top: number }) {
  return (
    <g font-size="11" fill={skin.muted} text-anchor="end">
      {scale.ticks.map(({ value, label }) => (
        <g key={value}>
          <path d={`M${at} ${round(scale.at(value))}H${to}`} stroke={skin.grid} fill="none" />
          <text x={at - 6} y={round(scale.at(value)) + 4}>
            {label}
          </text>
        </g>
      ))}
      {title && (
        <text x={0} y={top - 8} text-anchor="start">
          {title}
        </text>
      )}
    </g>
  );
}

const ENTRY = 26; // room for a sample and a gap, CSS pixels

/** Names in rows; `draw` gives them, and `height` says what they take. */
export function legendOf(lines: readonly { id: string; label: string }[], width: number, skin: Skin): { height: number; draw: ComponentChildren } {
  let x = 0;
  let y = 0;
  const entries = lines.map(({ id, label }) => {
    const name = fitted(label, Math.min(340, width - ENTRY), 12);
    const wide = widthOf(name, 12) + ENTRY + 14;
    if (x > 0 && x + wide > width + 14) {
      x = 0;
      y += 19;
    }
    const place = { x, y, id, name, label };
    x += wide;
    return place;
  });
  const draw = entries.map((entry) => {
    const look = lookOf(entry.id, skin);
    return (
      <g key={entry.id}>
        <path d={`M${entry.x} ${entry.y + 8}h20`} stroke={look.color} stroke-width="2" fill="none" stroke-dasharray={look.second ? "5 3" : undefined} />
        <Point x={entry.x + 10} y={entry.y + 8} look={look} ground={skin.ground} />
        <text x={entry.x + ENTRY} y={entry.y + 12} fill={skin.ink}>
          {entry.name}
          {entry.name !== entry.label && <title>{entry.label}</title>}
        </text>
      </g>
    );
  });
  return { height: lines.length ? y + 26 : 0, draw };
}

/** "M…L…" through points; a missing one breaks the line. */
export function pathThrough(xs: ArrayLike<number>, ys: ArrayLike<number | null>): string {
  let path = "";
  let down = false;
  for (let i = 0; i < xs.length; i++) {
    const y = ys[i];
    const x = xs[i] as number;
    if (y === null || y === undefined || !Number.isFinite(y) || !Number.isFinite(x)) {
      down = false;
      continue;
    }
    path += `${down ? "L" : "M"}${round(x)} ${round(y)}`;
    down = true;
  }
  return path;
}

/** The area between two edges; where one of them is missing there is none. */
export function areaBetween(xs: ArrayLike<number>, low: ArrayLike<number | null>, high: ArrayLike<number | null>): string {
  let path = "";
  let start = -1;
  const known = (i: number) => [low[i], high[i], xs[i]].every((value) => value !== null && value !== undefined && Number.isFinite(value));
  for (let i = 0; i <= xs.length; i++) {
    if (i < xs.length && known(i)) {
      if (start < 0) start = i;
      continue;
    }
    if (start >= 0) {
      const there: string[] = [];
      for (let j = start; j < i; j++) there.push(`${round(xs[j] as number)} ${round(high[j] as number)}`);
      for (let j = i - 1; j >= start; j--) there.push(`${round(xs[j] as number)} ${round(low[j] as number)}`);
      path += `M${there.join("L")}Z`;
    }
    start = -1;
  }
  return path;
}
