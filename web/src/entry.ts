import type { Outgoing } from "./outbox";
import type { Run } from "./run";
import type { MessageTold, Rating, Role, Source } from "./wire";

/** What became of an own message. */
export type Delivery =
  | "sending"
  | "waiting"
  | "sent"
  | "failed"
  /** Its answer broke off. */
  | "interrupted"
  /** It was passed over: later messages have been answered. */
  | "unanswered";

/** One line of the conversation as the page shows it. */
export interface Entry {
  key: string;
  /** The id of a stored message; null while it is on its way. */
  id: string | null;
  role: Role;
  content: string;
  at: Date;
  delivery: Delivery;
  problem: string | null;
  /** Whether to send it again can help. */
  retryable: boolean;
  sources: readonly Source[];
  stopped: boolean;
  /** The person who wrote it, if it was one of the shop's and the name is known. */
  name: string | null;
  /** What the visitor thinks of it. */
  rating: Rating | null;
  /** What it is sent again under. */
  clientId: string | null;
}

export type Entries = readonly Entry[];

const PLAIN = {
  id: null,
  delivery: "sent",
  problem: null,
  retryable: true,
  sources: [],
  stopped: false,
  name: null,
  rating: null,
  clientId: null,
} as const;

/** An own message keeps its key when it is stored, and an answer when it is finished. */
export function keyOf({ role, id, client_message_id, reply_to }: MessageTold): string {
  if (role === "user") return client_message_id ?? id;
  return reply_to === undefined ? id : answerKey(reply_to);
}

export function answerKey(messageId: string): string {
  return `answer-${messageId}`;
}

export function storedEntry(message: MessageTold): Entry {
  return {
    ...PLAIN,
    key: keyOf(message),
    id: message.id,
    role: message.role,
    content: message.content,
    at: new Date(message.at),
    sources: message.sources ?? [],
    stopped: message.outcome === "stopped",
    name: message.name ?? null,
    rating: message.rating ?? null,
    clientId: message.client_message_id ?? null,
  };
}

export function outgoingEntry({ id, text, at, state, problem }: Outgoing): Entry {
  return {
    ...PLAIN,
    key: id,
    role: "user",
    content: text,
    at: new Date(at),
    delivery: state,
    problem,
    clientId: id,
  };
}

/** Messages in the order of their numbers, but an answer stands under its question. */
export function arranged(messages: Iterable<MessageTold>): MessageTold[] {
  const inOrder = [...messages].sort((one, other) => one.number - other.number);
  const asked = new Map(inOrder.map((one) => [one.id, [one]]));
  const shown: MessageTold[][] = [];
  for (const message of inOrder) {
    const question = asked.get(message.reply_to ?? "");
    if (question) question.push(message);
    else shown.push(asked.get(message.id)!);
  }
  return shown.flat();
}

/** Say how a stored message of the visitor stands, which has no answer yet. */
export function standing(message: MessageTold, known: Known): Delivery {
  const { run, latest, again } = known;
  if (run?.messageId === message.id) return run.state === "interrupted" ? "interrupted" : "sent";
  if (again.has(message.id)) return "waiting";
  return message.number < latest ? "unanswered" : "waiting";
}

export interface Known {
  run: Run | null;
  /** The number of the latest message that was answered, or is being answered. */
  latest: number;
  /** Messages that were sent again. */
  again: ReadonlySet<string>;
}
