// The best of the selected groups in a table, each with a way to its curves.
import { csvOf, download } from "../../figures/files";
import { short } from "../../format";
import { bestFirst, openInCurves } from "./choice";
import { textOf } from "./axes";
import { wallOf } from "./pareto";
import type { Swept } from "./types";

const ROWS = 15;

export function Best({ swept, selected, keys }: { swept: Swept; selected: ReadonlySet<string>; keys: readonly string[] }) {
  const ranked = bestFirst(swept.groups, swept.lower).filter((group) => selected.has(group.id));
  const shown = keys.slice(0, 8);
  const save = () =>
    download(
      "groups.csv",
      "text/csv",
      csvOf(swept.method, [
        ["group", "score", "low", "high", "n", "wall_seconds", ...keys],
        ...ranked.map((group) => [group.name, group.score, group.low, group.high, group.n, group.wall, ...keys.map((key) => (key in group.config ? textOf(group.config[key]) : null))]),
      ]),
    );
  return (
    <section class="numbers" data-figure="best" aria-label="Best groups">
      <header>
        <h2>Best groups</h2>
        {ranked.length > ROWS && <span class="quiet">{`the first ${ROWS} of ${ranked.length}`}</span>}
        <span class="files">
          <button type="button" class="link" onClick={save} aria-label="save the selected groups as CSV">
            CSV
          </button>
        </span>
      </header>
      <div class="scrolls">
        <table>
          <thead>
            <tr>
              <th scope="col">group</th>
              <th scope="col">score</th>
              <th scope="col">95 % interval</th>
              <th scope="col">n</th>
              <th scope="col">wall</th>
              {shown.map((key) => (
                <th key={key} scope="col">
                  {key}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {ranked.slice(0, ROWS).map((group) => (
              <tr key={group.id} data-group={group.id}>
                <th scope="row" title={group.name}>
                  <button type="button" class="link" onClick={() => openInCurves([group.id])}>
                    {group.name}
                  </button>
                </th>
                <td>{group.score === null ? "–" : short(group.score)}</td>
                <td>{group.low === null || group.high === null ? "–" : `[${short(group.low)}, ${short(group.high)}]`}</td>
                <td>{group.n}</td>
                <td>{group.wall === null ? "–" : wallOf(group.wall)}</td>
                {shown.map((key) => (
                  <td key={key}>{textOf(group.config[key])}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
