/** A stretch of lines that are read alike: what is quoted comes without its marks. */
export interface Stretch {
  kind: "text" | "quote" | "code";
  lines: string[];
}

const FENCE = /^ {0,3}(`{3,}(?=[^`]*$)|~{3,})/;
const QUOTED = /^(?: {0,3}> ?)+/;

/** Code that is never closed goes on to the end, as it does while it is being written. */
export function stretchesOf(lines: readonly string[]): Stretch[] {
  const found: Stretch[] = [];
  let fence: string | null = null;
  for (const line of lines) {
    const mark = FENCE.exec(line)?.[1];
    if (fence !== null) {
      if (mark?.startsWith(fence) && mark === line.trim()) fence = null;
      else found.at(-1)!.lines.push(line);
    } else if (mark !== undefined) {
      fence = mark;
      found.push({ kind: "code", lines: [] });
    } else if (QUOTED.test(line)) goOn(found, "quote", line.replace(QUOTED, ""));
    else goOn(found, "text", line);
  }
  return found;
}

function goOn(found: Stretch[], kind: "text" | "quote", line: string): void {
  const last = found.at(-1);
  if (last?.kind === kind) last.lines.push(line);
  else found.push({ kind, lines: [line] });
}
