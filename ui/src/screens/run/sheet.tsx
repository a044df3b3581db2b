// A table in a frame that scrolls.
import type { ComponentChildren, HTMLAttributes, Ref } from "preact";

interface Props extends HTMLAttributes<HTMLDivElement> {
  box?: Ref<HTMLDivElement>;
  /** The class of the table. */
  of: string;
  titles?: readonly string[];
  /** Rows. */
  children: ComponentChildren;
}

export function Sheet({ box = null, of, titles = [], children, ...frame }: Props) {
  return (
    <div class="sheet" ref={box} {...frame}>
      <table class={of}>
        {titles.length > 0 && (
          <thead>
            <tr>
              {titles.map((title) => (
                <th key={title} scope="col">
                  {title}
                </th>
              ))}
            </tr>
          </thead>
        )}
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}
