// A link to another place of the page. A plain click stays in it; one that asks for another tab is the browser's.
import type { AnchorHTMLAttributes } from "preact";

type Props = AnchorHTMLAttributes<HTMLAnchorElement> & { open: () => void };

export function Link({ open, ...link }: Props) {
  return (
    <a
      {...link}
      onClick={(event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        open();
      }}
    />
  );
}
