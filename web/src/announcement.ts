import { plainText } from "./markup";
import type { MessageTold } from "./wire";
import { words } from "./words";

/** Something to be said once; the count tells it from the same words said before. */
export interface Announcement {
  text: string;
  count: number;
}

/** Say a finished answer once, whole, with what stands around it. */
export function spokenAnswer(message: MessageTold): string {
  return [
    `${message.name ?? words.value.roles[message.role]}:`,
    plainText(message.content),
    words.value.withSources(message.sources?.length ?? 0),
    message.ticket_id || message.requires_escalation ? words.value.personAsked : "",
  ]
    .filter(Boolean)
    .join(" ");
}
