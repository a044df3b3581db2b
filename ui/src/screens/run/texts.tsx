// Texts that a run logged, newest last.
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { count, position } from "../../format";
import { Sheet } from "./sheet";
import { type Details, mediaUrl } from "./state";

const CONSOLE = /console|stdout|stderr|\.log$|output/i;

export function Texts({ run }: { run: Details }) {
  const [words, setWords] = useState("");
  const [name, setName] = useState("");
  const box = useRef<HTMLDivElement>(null);
  const following = useRef(true);
  const texts = run.events.filter(({ kind }) => kind === "text");
  const names = [...new Set(texts.map((event) => event.name))].sort();
  const wanted = words.toLowerCase();
  const rows = texts.filter((event) => (!name || event.name === name) && `${event.name}\n${event.text}`.toLowerCase().includes(wanted));
  const consoles = run.events.filter(({ kind, name, file }) => kind === "file" && (CONSOLE.test(name) || CONSOLE.test(file ?? "")));
  // Who reads the end stays at the end
  useLayoutEffect(() => {
    const element = box.current;
    if (element && following.current) element.scrollTop = element.scrollHeight;
  }, [rows.length]);
  return (
    <section aria-label="Text">
      <div class="asked">
        <input type="search" placeholder="find in texts" aria-label="find in texts" value={words} onInput={(event) => setWords(event.currentTarget.value)} />
        {names.length > 1 && (
          <select aria-label="name of the text" value={name} onChange={(event) => setName(event.currentTarget.value)}>
            <option value="">all names</option>
            {names.map((one) => (
              <option key={one} value={one}>
                {one}
              </option>
            ))}
          </select>
        )}
        <span class="quiet">
          {rows.length < texts.length ? `${count(rows.length)} of ${count(texts.length)} texts` : `${count(texts.length)} ${texts.length === 1 ? "text" : "texts"}`}
          {run.texts > texts.length && `: the newest of ${count(run.texts)}; rolltape.open reads all of them`}
        </span>
        {consoles.map(({ name, file }) => (
          <a key={file} class="link" href={mediaUrl(run.key, file ?? "")} download>
            {`console output: ${name}`}
          </a>
        ))}
      </div>
      {texts.length === 0 && <p class="hint">This run logged no texts.</p>}
      <Sheet
        of="texts"
        titles={["step", "time", "name", "text"]}
        class="sheet tall"
        box={box}
        tabIndex={0}
        role="log"
        aria-label="Texts, newest last"
        aria-live="off"
        hidden={texts.length === 0}
        onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => (following.current = scrollTop + clientHeight > scrollHeight - 40)}
      >
        {rows.map((event) => (
          <tr key={`${event.time} ${event.step} ${event.name}`}>
            <td>{event.step === null ? "–" : count(event.step)}</td>
            <td>{`${position("time", event.time, 3600)}${position("time", event.time, 1).slice(5)}`}</td>
            <td>{event.name}</td>
            <td>
              <pre>{event.text}</pre>
              {event.cut > 0 && <p class="quiet">{`${count(event.cut)} characters more are on the tape.`}</p>}
            </td>
          </tr>
        ))}
      </Sheet>
    </section>
  );
}
