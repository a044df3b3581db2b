// Figures and numbers as files.
import { type ComponentChild, render } from "preact";

export type Field = string | number | boolean | null | undefined;

/** Lines of comma-separated values after a comment that says how they were made. Numbers have all their digits. */
export function csvOf(method: string, rows: readonly (readonly Field[])[]): string {
  const lines = rows.map((row) => row.map(csvField).join(","));
  return `# ${method.replace(/\s+/g, " ")}\n${lines.join("\n")}\n`;
}

export function csvField(field: Field): string {
  const text = field === null || field === undefined ? "" : String(field);
  return /[",\r\n]|^[#\s]|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

// Characters that no XML file may hold
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const NOT_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** The text of a file with one SVG figure. */
export function svgFileOf(figure: ComponentChild): string {
  const box = document.createElement("div");
  render(figure, box);
  const text = box.firstElementChild ? new XMLSerializer().serializeToString(box.firstElementChild) : "";
  render(null, box);
  return `<?xml version="1.0" encoding="UTF-8"?>\n${text.replace(NOT_XML, "\ufffd")}\n`;
}

export function download(name: string, type: string, content: string | Blob): void {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name.replace(/[^\p{L}\p{N}._+-]+/gu, "_").slice(-120);
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** Puts text on the clipboard, also where the page is not served over https. */
export async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = document.createElement("textarea");
    field.value = text;
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
}
