// Two axes around the room in which points and lines are drawn.
import type { ComponentChildren } from "preact";
import { areaBetween, BottomAxis, LeftAxis, pathThrough, Point, round } from "./parts";
import { linear, type Range, type Scale } from "./scales";
import { lookOf, type Skin } from "./skin";
import { widest } from "./words";

const PLOT = 235;
const TITLE = 18;

interface Asked {
  width: number;
  skin: Skin;
  /** What is drawn above, and how high that is. */
  legend?: { height: number; draw: ComponentChildren };
  y: Range;
  yTitle: string;
  yLabel?: (value: number) => string;
  x: (left: number, right: number) => Scale;
  xTitle: string;
}

export interface Plane {
  x: Scale;
  y: Scale;
  top: number;
  left: number;
  right: number;
  height: number;
  axes: ComponentChildren;
}

export function planeOf({ width, skin, legend, y: range, yTitle, yLabel, x: xScale, xTitle }: Asked): Plane {
  const top = (legend?.height ?? 0) + TITLE;
  const bottom = top + PLOT;
  const plain = linear(range, bottom, top, 5);
  const y = yLabel ? { ...plain, ticks: plain.ticks.map(({ value }) => ({ value, label: yLabel(value) })) } : plain;
  const left = widest(y.ticks.map((tick) => tick.label), 11) + 12;
  const right = width - 12;
  const x = xScale(left, right);
  const axes = (
    <>
      {legend?.draw}
      <LeftAxis scale={y} skin={skin} at={left} to={right} title={yTitle} top={top} />
      <BottomAxis scale={x} skin={skin} at={bottom} to={top} from={left} end={right} title={xTitle} />
    </>
  );
  return { x, y, top, left, right, height: bottom + 38, axes };
}

export const everyPixels = (width: number, pixels = 100) => Math.max(2, Math.floor(width / pixels));

export interface Curved {
  id: string;
  label: string;
  told: string;
  xs: readonly number[];
  ys: readonly (number | null)[];
  low: readonly (number | null)[] | null;
  high: readonly (number | null)[] | null;
  /** Where the line's shape is put, by place. */
  marks: readonly number[];
}

/** Lines over their bands. */
export function Lines({ lines, plane, skin }: { lines: readonly Curved[]; plane: Plane; skin: Skin }) {
  const down = (values: readonly (number | null)[]) => values.map((value) => (value === null || !Number.isFinite(value) ? null : plane.y.at(value)));
  const drawn = lines.map((line) => ({ ...line, look: lookOf(line.id, skin), across: line.xs.map(plane.x.at), heights: down(line.ys) }));
  return (
    <>
      {drawn.map(({ id, low, high, across, look }) => low && high && <path key={id} d={areaBetween(across, down(low), down(high))} fill={look.color} fill-opacity="0.14" />)}
      {drawn.map(({ id, told, look, across, heights, marks }) => (
        <g key={id}>
          <title>{told}</title>
          <path d={pathThrough(across, heights)} fill="none" stroke={look.color} stroke-width="1.8" stroke-linejoin="round" stroke-dasharray={look.second ? "5 3" : undefined} />
          {marks.map((at) => (
            <Point key={at} x={round(across[at] as number)} y={heights[at] ?? 0} r={3.6} look={look} ground={skin.ground} />
          ))}
        </g>
      ))}
    </>
  );
}
