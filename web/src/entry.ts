import type { Answer, Role, Source, StoredMessage } from "./wire";

export type Delivery = "sending" | "sent" | "failed";

/** One line of the conversation as the page shows it. */
export interface Entry {
  /** For an own message also its `client_message_id`: a retry is the same message. */
  key: string;
  role: Role;
  content: string;
  at: Date;
  delivery: Delivery;
  problem: string | null;
  sources: readonly Source[];
  handedOver: boolean;
  ticketId: string | null;
}

export type Entries = readonly Entry[];

const PLAIN = {
  delivery: "sent",
  problem: null,
  sources: [],
  handedOver: false,
  ticketId: null,
} as const;

export function ownEntry(key: string, content: string, at: Date): Entry {
  return { ...PLAIN, key, role: "user", content, at, delivery: "sending" };
}

export function remark(key: string, content: string, at: Date): Entry {
  return { ...PLAIN, key, role: "system", content, at };
}

export function answerEntry(answer: Answer, at: Date): Entry {
  return {
    ...PLAIN,
    key: answer.message_id,
    role: "assistant",
    content: answer.message,
    at,
    sources: answer.sources,
    handedOver: answer.requires_escalation || Boolean(answer.ticket_id),
    ticketId: answer.ticket_id ?? null,
  };
}

export function storedEntry(message: StoredMessage): Entry {
  return {
    ...PLAIN,
    key: message.id,
    role: message.role,
    content: message.content,
    at: new Date(message.at),
    sources: message.sources ?? [],
    handedOver: Boolean(message.requires_escalation || message.ticket_id),
    ticketId: message.ticket_id ?? null,
  };
}

export function changed(entries: Entries, key: string, change: Partial<Entry>): Entries {
  return entries.map((entry) => (entry.key === key ? { ...entry, ...change } : entry));
}

export function without(entries: Entries, key: string): Entries {
  return entries.filter((entry) => entry.key !== key);
}

export function insertedBefore(entries: Entries, key: string, added: Entry): Entries {
  return entries.flatMap((entry) => (entry.key === key ? [added, entry] : [entry]));
}

/** An answer stands under its question, also when another question was asked meanwhile. */
export function insertedAfter(entries: Entries, key: string, added: Entry): Entries {
  return entries.flatMap((entry) => (entry.key === key ? [entry, added] : [entry]));
}
