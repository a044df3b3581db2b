// The settings of a run, and how they differ from those of another.
import { useAnswer } from "../../answer";
import { CopyButton } from "../../figures/figure";
import { groupById, groups, nameOf, runByKey } from "../../groups/state";
import { siblings } from "./head";
import { against, type Details, flat, show } from "./state";

const MOST_OFFERED = 500;

/** What may be compared with, by what it is called. */
function Offers({ except }: { except: string }) {
  const mine = siblings(except);
  const others = groups.value.flatMap((group) => group.runs).filter((run) => !mine.some(({ key }) => key === run.key));
  return (
    <datalist id="others">
      {[...mine, ...others].slice(0, MOST_OFFERED).map((run) => run.key !== except && (
        <option key={run.key} value={run.key}>
          {nameOf(run.key)}
        </option>
      ))}
    </datalist>
  );
}

function Against({ run }: { run: Details }) {
  const mine = siblings(run.key).filter(({ key }) => key !== run.key);
  const value = against.value ?? "";
  return (
    <>
      <label>
        <span class="quiet">compare with</span>
        <select value={value} onChange={(event) => (against.value = event.currentTarget.value || null)}>
          <option value="">nothing</option>
          <optgroup label="other runs of its group">
            {mine.map(({ key }) => (
              <option key={key} value={key}>
                {nameOf(key)}
              </option>
            ))}
          </optgroup>
          <optgroup label="groups (their newest run)">
            {groups.value.slice(0, MOST_OFFERED).map((group) => (
              <option key={group.id} value={group.id}>
                {group.name}
              </option>
            ))}
          </optgroup>
          {value.includes("/") && mine.every(({ key }) => key !== value) && <option value={value}>{nameOf(value)}</option>}
        </select>
      </label>
      <label>
        <span class="quiet">or any run</span>
        <input
          type="text"
          list="others"
          placeholder="project/run"
          value={value.includes("/") ? value : ""}
          onChange={(event) => (against.value = event.currentTarget.value.trim() || null)}
        />
      </label>
      <Offers except={run.key} />
    </>
  );
}

type Sign = "≠" | "+" | "−" | "";

const MEANING: Record<Sign, string> = { "≠": "differs", "+": "only this run has it", "−": "only the other has it", "": "the same" };
const ORDER: readonly Sign[] = ["≠", "+", "−", ""];

/** All settings of both with their signs, differences first. */
export function compared(mine: readonly [string, unknown][], others: readonly [string, unknown][]): [Sign, string, string, string][] {
  const [here, there] = [new Map(mine), new Map(others)];
  const rows = [...new Set([...here.keys(), ...there.keys()])].map((key): [Sign, string, string, string] => {
    const [a, b] = [here.has(key) ? show(here.get(key)) : "", there.has(key) ? show(there.get(key)) : ""];
    const same = JSON.stringify(here.get(key)) === JSON.stringify(there.get(key));
    return [!there.has(key) ? "+" : !here.has(key) ? "−" : same ? "" : "≠", key, a, b];
  });
  return rows.sort((a, b) => ORDER.indexOf(a[0]) - ORDER.indexOf(b[0]));
}

export function Config({ run }: { run: Details }) {
  const chosen = against.value;
  const group = chosen === null ? undefined : groupById.value.get(chosen);
  const key = group ? (group.runs[0]?.key ?? null) : chosen;
  const url = key === null ? null : `api/run?${new URLSearchParams({ run: key })}`;
  const { value: other, problem } = useAnswer<Details>(url, { run: key });
  const settings = flat(run.config).filter(([name]) => name !== "");
  const both = other && other.key === key ? compared(settings, flat(other.config).filter(([name]) => name !== "")) : null;
  const differ = both?.filter(([sign]) => sign !== "").length ?? 0;
  const rows = both ?? settings.map(([name, value]): [Sign, string, string, string] => ["", name, show(value), ""]);
  return (
    <section aria-label="Config">
      <div class="asked">
        <Against run={run} />
        <CopyButton text={() => JSON.stringify(run.config, null, 2)}>copy as JSON</CopyButton>
      </div>
      {problem && url && <p class="problem">{problem}</p>}
      {both && other && <p class="quiet">{`${differ} of ${both.length} settings differ from ${runByKey.value.has(other.key) ? nameOf(other.key) : other.name}.`}</p>}
      {rows.length === 0 ? (
        <p class="hint">This run was started without a config.</p>
      ) : (
        <div class="sheet">
          <table class="pairs">
            <thead>
              <tr>
                {both && <th scope="col" aria-label="difference" />}
                <th scope="col">setting</th>
                <th scope="col">this run</th>
                {both && other && <th scope="col">{nameOf(other.key)}</th>}
              </tr>
            </thead>
            <tbody>
              {rows.map(([sign, name, mine, theirs]) => (
                <tr key={name} data-key={name} data-sign={sign} class={sign ? "differs" : ""}>
                  {both && (
                    <td class="sign" title={MEANING[sign]} aria-label={MEANING[sign]}>
                      {sign}
                    </td>
                  )}
                  <th scope="row">{name}</th>
                  <td>{mine}</td>
                  {both && <td>{theirs}</td>}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
