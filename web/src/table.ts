/** Tables as GitHub writes them (GitHub Flavored Markdown, "Tables (extension)"). */

/** Where the cells of a column stand; null is where text begins. */
export type Side = "center" | "end" | null;

/** A table with more columns is text: nobody could read it, and short rows are filled up. */
const MOST_COLUMNS = 20;
const RULE = /^:?-+:?$/;

/** The columns that a line rules under its head, or null when it rules none. */
export function ruled(line: string, head: string): Side[] | null {
  if (!line.includes("|") || !head.includes("|")) return null;
  const marks = cellsOf(line);
  if (marks.length > MOST_COLUMNS || marks.length !== cellsOf(head).length) return null;
  return marks.every((mark) => RULE.test(mark)) ? marks.map(sideOf) : null;
}

/** The cells of a line; `\|` is a bar within one. */
export function cellsOf(line: string): string[] {
  const inner = line.trim().replace(/^\|/, "").replace(/(?<!\\)\|$/, "");
  return inner.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
}

/** As many cells as there are columns. */
export function fitted(cells: readonly string[], columns: number): string[] {
  return Array.from({ length: columns }, (_, place) => cells[place] ?? "");
}

function sideOf(mark: string): Side {
  if (!mark.endsWith(":")) return null;
  return mark.startsWith(":") ? "center" : "end";
}
