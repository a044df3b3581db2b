// The files of a run's directory; those of its media can be opened.
import { count } from "../../format";
import { Sheet } from "./sheet";
import { type Details, mediaUrl } from "./state";

const MEDIA = "media/";

function Bytes({ size }: { size: number }) {
  const power = Math.min(4, Math.max(0, Math.floor(Math.log10(size || 1) / 3)));
  return <span title={`${count(size)} bytes`}>{`${Number((size / 1000 ** power).toPrecision(3))} ${["B", "kB", "MB", "GB", "TB"][power]}`}</span>;
}

export function Files({ run }: { run: Details }) {
  const steps = new Map(run.events.map((event) => [event.file, event]));
  return (
    <section aria-label="Files">
      <p class="quiet">
        {`${count(run.file_count)} files${run.file_count > run.files.length ? `; the first ${count(run.files.length)} by name are listed` : ""}.`}
      </p>
      <Sheet of="files" titles={["file", "size", "logged as", "step"]}>
        {run.files.map(({ name, size, shown }) => {
          const file = name.startsWith(MEDIA) ? name.slice(MEDIA.length) : null;
          const event = steps.get(file);
          return (
            <tr key={name}>
              <th scope="row">
                {file === null ? (
                  name
                ) : (
                  <a class="link" href={mediaUrl(run.key, file)} {...(shown ? { target: "_blank", rel: "noreferrer" } : { download: file })}>
                    {name}
                  </a>
                )}
              </th>
              <td>
                <Bytes size={size} />
              </td>
              <td>{file === null ? "" : (event?.name ?? "")}</td>
              <td>{file === null || event?.step == null ? "" : count(event.step)}</td>
            </tr>
          );
        })}
      </Sheet>
    </section>
  );
}
