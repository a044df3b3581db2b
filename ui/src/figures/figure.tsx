// The frame of a figure: its title, what it says in words, and the files that it can be taken away as.
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { copy, csvOf, download, type Field, svgFileOf } from "./files";
import "./figures.css";
import { SKIN_OF_FILES, type Skin, skinOnPage } from "./skin";
import { FONT } from "./words";

export interface Drawn {
  height: number;
  content: ComponentChildren;
}

interface Props {
  /** Of the files, and of the section in the page. */
  name: string;
  title: string;
  /** One sentence: how the numbers were made. */
  method: string;
  /** What can be read off, told before the figure. */
  words?: ComponentChildren;
  draw: (width: number, skin: Skin) => Drawn;
  /** What the page shows instead of what is drawn for a file, where one can do more with it. */
  live?: (width: number) => ComponentChildren;
  rows: () => (readonly Field[])[];
  controls?: ComponentChildren;
}

/** The width of an element in CSS pixels; 0 until it is known. */
export function useWidth() {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const look = () => setWidth(Math.floor(element.clientWidth));
    look();
    const size = new ResizeObserver(look);
    size.observe(element);
    return () => size.disconnect();
  }, []);
  return { box, width };
}

function Canvas({ width, drawn, skin, label, method }: { width: number; drawn: Drawn; skin: Skin; label: string; method?: string }) {
  const { height, content } = drawn;
  return (
    <svg
      xmlns="http://www.w3.org/2000/svg"
      width={width}
      height={height}
      viewBox={`0 0 ${width} ${height}`}
      font-family={FONT}
      font-size="12"
      fill={skin.ink}
      {...(method === undefined ? { role: "group", "aria-label": label } : {})}
    >
      {method !== undefined && <title>{label}</title>}
      {method !== undefined && <desc>{method}</desc>}
      {method !== undefined && <rect width={width} height={height} fill={skin.ground} />}
      {content}
    </svg>
  );
}

const FILE_MARGIN = 12;

export function Figure({ name, title, method, words, draw, live, rows, controls }: Props) {
  const { box, width } = useWidth();
  const saveSvg = () => {
    const wide = Math.max(width, 480);
    const { height, content } = draw(wide, SKIN_OF_FILES);
    const inside = <g transform={`translate(${FILE_MARGIN} ${FILE_MARGIN})`}>{content}</g>;
    const drawn = { height: height + 2 * FILE_MARGIN, content: inside };
    const file = <Canvas width={wide + 2 * FILE_MARGIN} drawn={drawn} skin={SKIN_OF_FILES} label={title} method={method} />;
    download(`${name}.svg`, "image/svg+xml", svgFileOf(file));
  };
  return (
    <section class="figure" data-figure={name} aria-label={title}>
      <header>
        <h2>{title}</h2>
        {controls}
        <span class="files">
          <button type="button" class="link" onClick={saveSvg} aria-label={`save ${title} as SVG`}>
            SVG
          </button>
          <button type="button" class="link" onClick={() => download(`${name}.csv`, "text/csv", csvOf(method, rows()))} aria-label={`save the numbers of ${title} as CSV`}>
            CSV
          </button>
        </span>
      </header>
      {words && <p class="quiet words">{words}</p>}
      <div class="drawing" ref={box}>
        {width > 0 && (live ? live(width) : <Canvas width={width} drawn={draw(width, skinOnPage())} skin={skinOnPage()} label={title} />)}
      </div>
    </section>
  );
}

export function CopyButton({ text, children = "copy" }: { text: () => string; children?: ComponentChildren }) {
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return;
    const timer = setTimeout(() => setDone(false), 1500);
    return () => clearTimeout(timer);
  }, [done]);
  return (
    <button type="button" class="link" onClick={() => void copy(text()).then(() => setDone(true))}>
      {done ? "copied" : children}
    </button>
  );
}

/** How it was all computed, to read and to take into a paper. */
export function Method({ text }: { text: string }) {
  return (
    <section class="method" aria-label="Method">
      <h2>
        Method <CopyButton text={() => text} />
      </h2>
      <p>{text}</p>
    </section>
  );
}
