// Where a run ran, and which processes wrote it.
import { count } from "../../format";
import { Mark } from "../../groups/marks";
import { Sheet } from "./sheet";
import { type Details, flat, show } from "./state";

/** A fact as people say it. */
function told(name: string, value: unknown): string {
  if (name === "git.dirty") return value ? "yes: there were changes that are in no commit" : "no";
  if (name === "command" && Array.isArray(value)) return value.map((part) => (/[\s'"]/.test(String(part)) ? JSON.stringify(part) : String(part))).join(" ");
  return Array.isArray(value) && value.every((one) => typeof one === "string") ? value.join(", ") : show(value);
}

export function System({ run }: { run: Details }) {
  const facts = flat(run.environment).filter(([name]) => name !== "");
  return (
    <section aria-label="System" class="columns">
      <div>
        <h3>Environment</h3>
        {facts.length === 0 && <p class="hint">Nothing is known of it.</p>}
        <Sheet of="pairs">
          {facts.map(([name, value]) => (
            <tr key={name} data-key={name}>
              <th scope="row">{name}</th>
              <td>{told(name, value)}</td>
            </tr>
          ))}
        </Sheet>
      </div>
      <div>
        <h3>{`Writers (${run.writers.length})`}</h3>
        <Sheet of="writers" titles={["writer", "status", "frames", "points", "rows lost", "problem"]}>
          {run.writers.map((writer) => (
            <tr key={writer.name}>
              <th scope="row">{writer.name}</th>
              <td class="status">
                <Mark status={writer.status} /> {writer.status}
              </td>
              <td>{count(writer.frames)}</td>
              <td>{count(writer.points)}</td>
              <td class={writer.lost > 0 ? "lost" : ""}>{count(writer.lost)}</td>
              <td>{writer.problem ?? ""}</td>
            </tr>
          ))}
        </Sheet>
      </div>
    </section>
  );
}
