// The images and videos of one moment of a run, and the way to those before and after it.
import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { count, moment as clock } from "../../format";
import type { Moment } from "./moments";
import { at, type Details, type Happening, mediaUrl } from "./state";

const MOST_AT_ONCE = 6;
const STILL = matchMedia("(prefers-reduced-motion: reduce)");
const PLAYED = /\.(mp4|m4v|webm|mov|mkv|ogv)$/i;

/** The moment that is shown, and its neighbours: the arrow keys step between them. */
export const around = signal<{ before: number | null; after: number | null }>({ before: null, after: null });

export function step(to: "before" | "after"): void {
  const place = around.peek()[to];
  if (place !== null) at.value = place;
}

function Picture({ run, item }: { run: string; item: Happening }) {
  const [again, setAgain] = useState(0);
  const [broken, setBroken] = useState(false);
  const url = mediaUrl(run, item.file ?? "");
  useEffect(() => setBroken(false), [url]);
  const moves = item.kind === "video";
  const words = `${item.name}, ${moves ? "video" : "image"}${item.step === null ? "" : ` at step ${count(item.step)}`}`;
  return (
    <figure>
      {broken ? (
        <p class="quiet">This browser cannot show the file.</p>
      ) : moves && PLAYED.test(item.file ?? "") ? (
        <video key={url} src={url} controls loop muted playsInline autoPlay={!STILL.matches} preload="metadata" aria-label={words} onError={() => setBroken(true)} />
      ) : (
        <img key={`${url} ${again}`} src={url} alt={words} onError={() => setBroken(true)} />
      )}
      <figcaption>
        <span class="name" title={item.name}>
          {item.name}
        </span>
        {moves && !PLAYED.test(item.file ?? "") && (
          <button type="button" class="link" onClick={() => setAgain(again + 1)} aria-label={`play ${item.name} from its beginning`}>
            replay
          </button>
        )}
        <a class="link" href={url} target="_blank" rel="noreferrer" aria-label={`open ${item.name} by itself`}>
          open
        </a>
      </figcaption>
    </figure>
  );
}

interface Props {
  run: Details;
  moments: readonly Moment[];
  index: number;
}

export function Media({ run, moments, index }: Props) {
  const shown = moments[index];
  const before = moments[index - 1]?.x ?? null;
  const after = moments[index + 1]?.x ?? null;
  useEffect(() => {
    around.value = { before, after };
    return () => {
      around.value = { before: null, after: null };
    };
  }, [before, after]);
  if (!shown) return null;
  const seen = run.events.filter(({ kind }) => kind !== "text").length;
  return (
    <aside class="media" aria-label="Images and videos" data-step={shown.step}>
      <header>
        <button type="button" class="button" disabled={before === null} onClick={() => step("before")} aria-label="media before (left arrow)">
          ‹
        </button>
        <button type="button" class="button" disabled={after === null} onClick={() => step("after")} aria-label="media after (right arrow)">
          ›
        </button>
        <span>
          <b>{shown.step === null ? clock(shown.time) : `step ${count(shown.step)}`}</b>
          <span class="quiet" title={clock(shown.time)}>{` · ${index + 1} of ${moments.length}`}</span>
        </span>
      </header>
      {shown.items.slice(0, MOST_AT_ONCE).map((item) => (
        <Picture key={`${item.name} ${item.file}`} run={run.key} item={item} />
      ))}
      {shown.items.length > MOST_AT_ONCE && <p class="quiet">{`and ${shown.items.length - MOST_AT_ONCE} more: see Files`}</p>}
      {run.media > seen && <p class="quiet">{`The newest ${count(seen)} of ${count(run.media)} media are shown.`}</p>}
    </aside>
  );
}
