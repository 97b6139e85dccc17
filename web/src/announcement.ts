import type { Entry } from "./entry";
import { plainText } from "./markup";

/** Something to be said once; the count tells it from the same words said before. */
export interface Announcement {
  text: string;
  count: number;
}

/** Say a finished answer once, whole, with what stands around it. */
export function spokenAnswer(entry: Entry): string {
  return ["Assistant:", plainText(entry.content), spokenSources(entry), spokenTicket(entry)]
    .filter(Boolean)
    .join(" ");
}

function spokenSources({ sources }: Entry): string {
  if (sources.length === 0) return "";
  return sources.length === 1 ? "With one source." : `With ${sources.length} sources.`;
}

function spokenTicket({ handedOver, ticketId }: Entry): string {
  if (!handedOver) return "";
  return ticketId === null ? "A person has been asked." : `A person has been asked, ticket ${ticketId}.`;
}
