import type { Entries } from "./entry";
import { words } from "./words";

/** Write what the page shows as Markdown. */
export function asMarkdown(entries: Entries): string {
  return entries
    .map(({ role, name, content, at, sources }) => {
      const named = sources.map(({ title, uri }, index) => `${index + 1}. ${title} (${uri})`);
      return [`**${name ?? words.value.roles[role]}**, ${at.toISOString()}`, content, named.join("\n")]
        .filter(Boolean)
        .join("\n\n");
    })
    .join("\n\n---\n\n");
}
