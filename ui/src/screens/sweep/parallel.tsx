// Parallel coordinates: a line for each group across its settings to its score. Dragging along an axis selects.
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { Figure } from "../../figures/figure";
import { round } from "../../figures/parts";
import { plain } from "../../figures/scales";
import { rampAt, type Skin, skinOnPage } from "../../figures/skin";
import { fitted } from "../../figures/words";
import { short } from "../../format";
import { AxisSettings } from "./axis_settings";
import { type Axis, axisOf, type Brush, brushAt, SCORE, scoreAxis, selectedBy, spanOf, textOf } from "./axes";
import { axisKeys, bestFirst, brushes, goodnessIn, moveAxis, openInCurves, setBrush } from "./choice";
import type { Swept, SweptGroup } from "./types";

const TOP = 40;
const PLOT = 300;
const BOTTOM = TOP + PLOT;
const NOTHING = BOTTOM + 22; // where lines lie that have no value
const HEIGHT = NOTHING + 12;
const MOST_SVG = 500;
const NEAR = 9; // CSS pixels within which the pointer means a line
const GRIP = 14;

interface Laid {
  axes: Axis[];
  xs: number[];
  /** Best last, so that it is drawn on top. */
  lines: { group: SweptGroup; ys: number[]; good: number | null; path: string }[];
}

function layOut(swept: Swept, keys: readonly string[], width: number): Laid {
  const found = keys.flatMap((key) => swept.keys.find((one) => one.key === key) ?? []);
  const axes = [...found.map((key) => axisOf(key, BOTTOM, TOP)), scoreAxis(swept, BOTTOM, TOP)];
  const [left, right] = [60, width - 90];
  const xs = axes.map((_, i) => (axes.length === 1 ? right : left + ((right - left) * i) / (axes.length - 1)));
  const goodness = goodnessIn(swept);
  const lines = bestFirst(swept.groups, swept.lower)
    .reverse()
    .map((group) => {
      const ys = axes.map((axis) => {
        const value = axis.valueOf(group);
        return value === null ? NOTHING : axis.scale.at(value);
      });
      const path = ys.map((y, i) => `${i ? "L" : "M"}${round(xs[i] as number)} ${round(y)}`).join("");
      return { group, ys, good: group.score === null ? null : goodness(group.score), path };
    });
  return { axes, xs, lines };
}

const inkOfLine = (good: number | null, skin: Skin) => (good === null ? skin.muted : rampAt(good, skin));
const strength = (laid: Laid) => (laid.lines.length > 300 ? 0.45 : laid.lines.length > 80 ? 0.6 : 0.85);

function Lines({ laid, selected, skin }: { laid: Laid; selected: ReadonlySet<string> | null; skin: Skin }) {
  const faint = laid.lines.filter(({ group }) => selected && !selected.has(group.id));
  const strong = laid.lines.filter(({ group }) => !selected || selected.has(group.id));
  return (
    <g fill="none" stroke-linejoin="round">
      <path d={faint.map(({ path }) => path).join("")} stroke={skin.axis} stroke-opacity="0.25" data-faint={faint.length} />
      {strong.map(({ group, path, good }) => (
        <path key={group.id} d={path} stroke={inkOfLine(good, skin)} stroke-width="1.4" stroke-opacity={strength(laid)} stroke-dasharray={good === null ? "3 3" : undefined} data-group={group.id} />
      ))}
    </g>
  );
}

/** The same lines as pixels: many of them would be too many elements. */
function Pixels({ laid, selected, skin, width }: { laid: Laid; selected: ReadonlySet<string> | null; skin: Skin; width: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    const pen = canvas.current?.getContext("2d");
    if (!pen || !canvas.current) return;
    const scale = Math.min(2, devicePixelRatio);
    if (canvas.current.width !== width * scale || canvas.current.height !== HEIGHT * scale) {
      canvas.current.width = width * scale;
      canvas.current.height = HEIGHT * scale;
    }
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, width, HEIGHT);
    const trace = (ys: readonly number[]) => ys.forEach((y, i) => (i ? pen.lineTo(laid.xs[i] as number, y) : pen.moveTo(laid.xs[i] as number, y)));
    pen.lineWidth = 1;
    pen.strokeStyle = skin.axis;
    pen.globalAlpha = 0.14;
    for (const { group, ys } of laid.lines) {
      if (!selected || selected.has(group.id)) continue;
      pen.beginPath();
      trace(ys);
      pen.stroke();
    }
    pen.globalAlpha = strength(laid);
    pen.lineWidth = 1.3;
    for (const { group, ys, good } of laid.lines) {
      if (selected && !selected.has(group.id)) continue;
      pen.beginPath();
      pen.strokeStyle = inkOfLine(good, skin);
      trace(ys);
      pen.stroke();
    }
  }, [laid, selected, skin, width]);
  return <canvas ref={canvas} class="pixels" style={{ width: `${width}px`, height: `${HEIGHT}px` }} aria-hidden="true" />;
}

function AxisMarks({ axis, x, next, skin, brush, lower }: { axis: Axis; x: number; next: number; skin: Skin; brush: Brush | undefined; lower: boolean }) {
  const span = brush && spanOf(brush, axis);
  const half = axis.kind === "category" ? 0.4 : 0;
  const isScore = axis.key === SCORE;
  const [top, bottom] = span ? [axis.scale.at(span[1] + half), axis.scale.at(span[0] - half)] : [0, 0];
  return (
    <g>
      <path d={`M${x} ${TOP}V${BOTTOM}`} stroke={skin.muted} />
      {isScore &&
        Array.from({ length: 30 }, (_, i) => (
          <rect key={i} x={x} y={BOTTOM - ((i + 1) * PLOT) / 30} width="5" height={PLOT / 30 + 0.5} fill={rampAt(lower ? 1 - i / 29 : i / 29, skin)} />
        ))}
      <g font-size="11" fill={skin.ink} stroke={skin.ground} stroke-width="3" paint-order="stroke" stroke-linejoin="round">
        {thinned(axis).map(({ value, label }) => (
          <text key={value} x={x + (isScore ? 10 : 6)} y={round(axis.scale.at(value)) + 4}>
            {fitted(label, Math.max(40, next - x - 12), 11)}
          </text>
        ))}
      </g>
      {span && <rect x={x - 7} y={Math.max(TOP - 4, top)} width="14" height={Math.max(2, Math.min(BOTTOM + 4, bottom) - Math.max(TOP - 4, top))} rx="2" fill={skin.accent} fill-opacity="0.25" stroke={skin.accent} />}
    </g>
  );
}

/** Ticks at least a line of text apart. */
function thinned(axis: Axis) {
  let last = Infinity;
  return [...axis.scale.ticks].sort((a, b) => a.value - b.value).filter(({ value }) => {
    const y = axis.scale.at(value);
    if (last - y < 13) return false;
    last = y;
    return true;
  });
}

/** The line that passes within a few pixels of a point. */
function nearest(laid: Laid, selected: ReadonlySet<string> | null, x: number, y: number): Laid["lines"][number] | null {
  let i = laid.xs.findIndex((at) => at >= x);
  if (i < 0) i = laid.xs.length - 1;
  i = Math.max(1, i);
  const [from, to] = [laid.xs[i - 1], laid.xs[i]];
  if (from === undefined || to === undefined || x < from - NEAR || x > to + NEAR) return null;
  const part = Math.min(1, Math.max(0, (x - from) / (to - from)));
  let best: Laid["lines"][number] | null = null;
  let distance = NEAR;
  for (const line of laid.lines) {
    if (selected && !selected.has(line.group.id)) continue;
    const [a, b] = [line.ys[i - 1] as number, line.ys[i] as number];
    const slope = (b - a) / (to - from);
    const away = Math.abs(a + (b - a) * part - y) / Math.sqrt(1 + slope * slope);
    if (away <= distance) [best, distance] = [line, away];
  }
  return best;
}

export function tellGroup(group: SweptGroup): string {
  const bounds = group.low === null || group.high === null ? "" : ` [${short(group.low)}, ${short(group.high)}]`;
  return group.score === null ? "no score" : `${short(group.score)}${bounds}, n = ${group.n}`;
}

function Told({ line, laid, x, y, width }: { line: Laid["lines"][number]; laid: Laid; x: number; y: number; width: number }) {
  const settings = laid.axes.filter((axis) => axis.key !== SCORE);
  const onLeft = x > width / 2;
  return (
    <div class="hovered" style={{ top: `${Math.min(y + 14, HEIGHT - 110)}px`, ...(onLeft ? { right: `${width - x + 14}px` } : { left: `${x + 14}px` }) }}>
      <strong>{line.group.name}</strong>
      <p>{tellGroup(line.group)}</p>
      {settings.map(({ key }) => (
        <p key={key} class="quiet">{`${key} = ${textOf(line.group.config[key])}`}</p>
      ))}
    </div>
  );
}

type Drag = { axis: number; from: number; to: number } | { title: string; x: number; moved: boolean };

function Interactive({ swept, keys, width, skin }: { swept: Swept; keys: readonly string[]; width: number; skin: Skin }) {
  const laid = useMemo(() => layOut(swept, keys, width), [swept, keys.join("\n"), width]);
  const [drag, setDrag] = useState<Drag | null>(null);
  const [over, setOver] = useState<{ line: Laid["lines"][number]; x: number; y: number } | null>(null);
  const [opened, setOpened] = useState<string | null>(null);
  const surface = useRef<SVGSVGElement>(null);
  const held = brushes();
  const dragged = drag && "axis" in drag ? laid.axes[drag.axis] : undefined;
  const drawn = dragged && drag && "axis" in drag ? brushAt(dragged, drag.from, drag.to) : null;
  const shown = dragged ? [...held.filter((one) => one.key !== dragged.key), ...(drawn ? [drawn] : [])] : held;
  const told = JSON.stringify(shown);
  const selected = useMemo(() => (shown.length ? selectedBy(shown, laid.axes, swept.groups) : null), [told, laid]);
  const many = laid.lines.length > MOST_SVG;

  const place = (event: PointerEvent) => {
    const box = (surface.current as SVGSVGElement).getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top] as const;
  };
  const clamp = (y: number) => Math.min(BOTTOM, Math.max(TOP, y));
  const down = (event: PointerEvent) => {
    const [x, y] = place(event);
    const axis = laid.xs.findIndex((at) => Math.abs(at - x) <= GRIP);
    if (event.button !== 0 || axis < 0 || y < TOP - 8 || y > BOTTOM + 8) return;
    surface.current?.setPointerCapture(event.pointerId);
    setOver(null);
    setDrag({ axis, from: clamp(y), to: clamp(y) });
  };
  const move = (event: PointerEvent) => {
    const [x, y] = place(event);
    if (drag && "axis" in drag) setDrag({ ...drag, to: clamp(y) });
    else if (drag) setDrag({ ...drag, x, moved: drag.moved || Math.abs(x - drag.x) > 4 });
    else {
      const line = nearest(laid, selected, x, y);
      setOver(line && { line, x, y });
    }
  };
  const up = (event: PointerEvent) => {
    if (!drag) return;
    if ("axis" in drag && dragged) setBrush(dragged.key, drawn);
    else if ("title" in drag) {
      const [x] = place(event);
      if (drag.moved) {
        const others = laid.xs.slice(0, -1).filter((_, i) => keys[i] !== drag.title);
        moveAxis(swept, drag.title, others.filter((at) => at < x).length);
      } else setOpened(opened === drag.title ? null : drag.title);
    }
    setDrag(null);
  };
  const step = (laid.xs[1] ?? width) - (laid.xs[0] ?? 0);
  const popped = laid.axes.findIndex((axis) => axis.key === opened);
  return (
    <>
      {many && <Pixels laid={laid} selected={selected} skin={skin} width={width} />}
      {/* biome-ignore lint/a11y: everything it does is also in the settings of an axis and in the table */}
      <svg
        ref={surface}
        width={width}
        height={HEIGHT}
        class={over ? "parallel over" : "parallel"}
        role="group"
        aria-label="Parallel coordinates"
        data-lines={laid.lines.length}
        data-selected={selected ? selected.size : laid.lines.length}
        fill={skin.ink}
        font-size="12"
        onPointerDown={down}
        onPointerMove={move}
        onPointerUp={up}
        onPointerCancel={() => setDrag(null)}
        onPointerLeave={() => setOver(null)}
        onClick={() => over && !drag && openInCurves([over.line.group.id])}
      >
        {!many && <Lines laid={laid} selected={selected} skin={skin} />}
        {over && <path d={over.line.path} fill="none" stroke={skin.ink} stroke-width="2.6" />}
        <Missing laid={laid} skin={skin} />
        {laid.axes.map((axis, i) => (
          <g key={axis.key}>
            <rect class="grip" x={(laid.xs[i] as number) - GRIP} y={TOP} width={2 * GRIP} height={PLOT} fill="#000000" fill-opacity="0" />
            <AxisMarks axis={axis} x={laid.xs[i] as number} next={laid.xs[i + 1] ?? width} skin={skin} brush={shown.find((one) => one.key === axis.key)} lower={swept.lower} />
            <text
              class="axis-title"
              x={drag && "title" in drag && drag.moved && drag.title === axis.key ? drag.x : laid.xs[i]}
              y={i % 2 && step < 90 ? 30 : 16}
              text-anchor="middle"
              font-weight="600"
              role="button"
              tabindex={0}
              aria-label={`settings of the axis ${axis.title}`}
              aria-expanded={opened === axis.key}
              onPointerDown={(event) => {
                event.stopPropagation();
                if (axis.key === SCORE) return setOpened(opened === SCORE ? null : SCORE);
                surface.current?.setPointerCapture(event.pointerId);
                setDrag({ title: axis.key, x: place(event)[0], moved: false });
              }}
              onKeyDown={(event) => {
                if (event.key !== "Enter" && event.key !== " ") return;
                event.preventDefault();
                setOpened(opened === axis.key ? null : axis.key);
              }}
            >
              {fitted(axis.title, i === laid.axes.length - 1 ? 170 : Math.max(70, step * (step < 90 ? 1.8 : 0.95)))}
              <title>{`${axis.title}: click for settings${axis.key === SCORE ? "" : ", drag to move"}`}</title>
            </text>
          </g>
        ))}
      </svg>
      {over && !drag && <Told line={over.line} laid={laid} x={over.x} y={over.y} width={width} />}
      {popped >= 0 && laid.axes[popped] && (
        <AxisSettings
          key={opened}
          axis={laid.axes[popped]}
          swept={swept}
          place={popped}
          last={laid.axes.length - 2}
          left={Math.min(width - 250, Math.max(0, (laid.xs[popped] as number) - 120))}
          close={() => setOpened(null)}
        />
      )}
    </>
  );
}

function Missing({ laid, skin }: { laid: Laid; skin: Skin }) {
  if (!laid.lines.some(({ ys }) => ys.includes(NOTHING))) return null;
  return (
    <text x={0} y={NOTHING + 4} font-size="11" fill={skin.muted}>
      no value
    </text>
  );
}

function drawStill(swept: Swept, keys: readonly string[], width: number, skin: Skin) {
  const laid = layOut(swept, keys, width);
  const held = brushes();
  const selected = held.length ? selectedBy(held, laid.axes, swept.groups) : null;
  const step = (laid.xs[1] ?? width) - (laid.xs[0] ?? 0);
  const content = (
    <>
      <Lines laid={laid} selected={selected} skin={skin} />
      <Missing laid={laid} skin={skin} />
      {laid.axes.map((axis, i) => (
        <g key={axis.key}>
          <AxisMarks axis={axis} x={laid.xs[i] as number} next={laid.xs[i + 1] ?? width} skin={skin} brush={held.find((one) => one.key === axis.key)} lower={swept.lower} />
          <text x={laid.xs[i]} y={i % 2 && step < 90 ? 30 : 16} text-anchor="middle" font-weight="600">
            {fitted(axis.title, Math.max(70, step * 0.95))}
          </text>
        </g>
      ))}
    </>
  );
  return { height: HEIGHT, content };
}

export function Parallel({ swept, selected }: { swept: Swept; selected: ReadonlySet<string> }) {
  const keys = axisKeys(swept);
  const settings = swept.keys.map(({ key }) => key);
  return (
    <Figure
      name="parallel"
      title="Settings and score"
      method={swept.method}
      words="Drag along an axis to select, drag a title to move its axis, or activate the title to do both by numbers. A click on a line opens its curves."
      draw={(width, skin) => drawStill(swept, keys, width, skin)}
      live={(width) => <Interactive swept={swept} keys={keys} width={Math.max(width, 80 * (keys.length + 1))} skin={skinOnPage()} />}
      rows={() => [
        ["group", ...settings, "score", "low", "high", "n", "selected"],
        ...swept.groups.map((group) => [
          group.name,
          ...settings.map((key) => (typeof group.config[key] === "number" ? group.config[key] : key in group.config ? textOf(group.config[key]) : null)),
          group.score,
          group.low,
          group.high,
          group.n,
          selected.has(group.id),
        ]),
      ]}
    />
  );
}

/** "1e-4 to 0.01" */
export function tellBrush({ key, lo, hi }: Brush, metric: string): string {
  const end = (value: number | string) => (typeof value === "number" ? plain(value) : value);
  return `${key === SCORE ? metric : key}: ${end(lo)}${lo === hi ? "" : ` to ${end(hi)}`}`;
}
