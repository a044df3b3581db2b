// Whether the page is on its way to a printer: paper is white, and shows what lies out of sight as well.
import { signal } from "@preact/signals";

export const printing = signal(false);

addEventListener("beforeprint", () => (printing.value = true));
addEventListener("afterprint", () => (printing.value = false));
matchMedia("print").addEventListener("change", ({ matches }) => (printing.value = matches));
