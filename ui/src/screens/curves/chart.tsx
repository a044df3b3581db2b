// The place of one chart: an empty box of the same size while it is far from what is in sight.
import { useEffect, useRef, useState } from "preact/hooks";
import { chosen } from "../../groups/state";
import { Drawn, HEIGHTS } from "./drawn";
import { Head } from "./head";
import { drawnWith, enlarged, size } from "./settings";
import { watchSight } from "./sight";

/** Of a chart that was never drawn, about, in CSS pixels: its plot, a legend of so many lines and what is around. */
function heightFor(lines: number): number {
  return HEIGHTS[size.value] + Math.min(254, 22 + 19 * lines) + 100;
}

export function Chart({ metric }: { metric: string }) {
  const section = useRef<HTMLElement>(null);
  const height = useRef(heightFor(chosen.value.length));
  const [near, setNear] = useState(false);
  const big = enlarged.value === metric;
  useEffect(() => {
    const root = section.current as HTMLElement;
    return watchSight(root, (isNear) => {
      if (!isNear && root.querySelector(".uplot")) height.current = root.offsetHeight;
      setNear(isNear);
    });
  }, []);
  const metrics = drawnWith(metric);
  return (
    <section
      class={big ? "chart big" : "chart"}
      ref={section}
      data-metric={metric}
      aria-label={metrics.join(" and ")}
      style={{ minHeight: near ? "" : `${height.current}px` }}
    >
      {near ? <Drawn section={section} metrics={metrics} /> : <Head metrics={metrics} />}
    </section>
  );
}
