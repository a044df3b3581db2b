// The final table, to read and to take into a paper.
import { maybe, param, text } from "../../address";
import { CopyButton } from "../../figures/figure";
import { download } from "../../figures/files";
import { Point } from "../../figures/parts";
import { lookOf, skinOnPage } from "../../figures/skin";
import { csvTableOf, latexOf, markdownOf, tableOf } from "./paper";
import type { Comparison } from "./types";

/** The group that the others are held against; null: the first. */
const base = param<string | null>("base", maybe(text), null);

export function FinalTable({ answer }: { answer: Comparison }) {
  const against = (answer.groups.find((group) => group.id === base.value) ?? answer.groups[0])?.id ?? "";
  const table = tableOf(answer, against);
  const skin = skinOnPage();
  const forms = [
    { name: "Markdown", file: "table.md", type: "text/markdown", make: () => markdownOf(table, answer.method) },
    { name: "LaTeX", file: "table.tex", type: "application/x-tex", make: () => latexOf(table, answer.method) },
    { name: "CSV", file: "table.csv", type: "text/csv", make: () => csvTableOf(answer, against) },
  ];
  return (
    <section class="numbers" data-figure="table" aria-label="Table">
      <header>
        <h2>Table</h2>
        <label class="quiet">
          baseline{" "}
          <select value={against} onChange={(event) => (base.value = event.currentTarget.value)}>
            {answer.groups.map((group) => (
              <option key={group.id} value={group.id}>
                {group.label}
              </option>
            ))}
          </select>
        </label>
        <span class="files">
          {forms.map(({ name, file, type, make }) => (
            <span key={name}>
              <button type="button" class="link" onClick={() => download(file, type, make())} aria-label={`save the table as ${name}`}>
                {name}
              </button>{" "}
              <CopyButton text={make}>
                <span aria-label={`copy the table as ${name}`}>copy</span>
              </CopyButton>
            </span>
          ))}
        </span>
      </header>
      <div class="scrolls">
        <table>
          <thead>
            <tr>
              {table.head.map((name) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {table.body.map(({ id, cells }) => (
              <tr key={id} data-group={id}>
                <th scope="row" title={cells[0]}>
                  <svg width="12" height="12" aria-hidden="true">
                    <Point x={6} y={6} look={lookOf(id, skin)} ground={skin.ground} />
                  </svg>
                  {cells[0]}
                </th>
                {cells.slice(1).map((cell, i) => (
                  <td key={i}>{cell.replaceAll("-", "−")}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
