// The frame of a chart of this screen: its plot, and a tip at the cursor.
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { dark } from "../../palette";
import { type Picture, type PlotEvents, RunPlot } from "./plot";
import { at, setZoom } from "./state";

type Seen = Parameters<PlotEvents["hover"]>[0];

interface Props {
  picture: Picture;
  height: number;
  label: string;
  tip: (seen: NonNullable<Seen>) => ComponentChildren;
}

export function Chart({ picture, height, label, tip }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<RunPlot | null>(null);
  const [seen, setSeen] = useState<Seen>(null);
  useLayoutEffect(() => {
    const element = host.current as HTMLDivElement;
    const made = new RunPlot(element, height, { hover: setSeen, zoom: setZoom, click: (x) => (at.value = Number(x.toPrecision(8))) });
    plot.current = made;
    const size = new ResizeObserver(() => made.resize());
    size.observe(element);
    return () => {
      size.disconnect();
      made.clear();
    };
  }, [height]);
  const isDark = dark.value;
  useEffect(() => plot.current?.draw(picture, isDark), [picture, isDark, height]);
  const right = seen !== null && seen.left > (host.current?.clientWidth ?? 0) / 2;
  return (
    <div class="plot" role="img" aria-label={label}>
      <div ref={host} class="host" />
      {seen && (
        <div class={right ? "tip left" : "tip"} style={{ left: `${seen.left}px`, top: `${seen.top}px` }}>
          {tip(seen)}
        </div>
      )}
    </div>
  );
}
