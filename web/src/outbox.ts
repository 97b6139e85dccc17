import { signal } from "@preact/signals";
import type { Storage } from "./storage";

const NEW = "new";

/** A message of the visitor that is not in the conversation's log yet. */
export interface Outgoing {
  /** The `client_message_id`: said again, it is the same message. */
  id: string;
  text: string;
  at: string;
  state: "sending" | "sent" | "failed";
  problem: string | null;
}

/** What waits to be sent from this tab; it survives a reload. */
export class Outbox {
  readonly messages = signal<readonly Outgoing[]>([]);

  readonly #tab: Storage;
  #key: string;

  constructor(tab: Storage, sessionId: string | null) {
    this.#tab = tab;
    this.#key = keyOf(sessionId);
    this.messages.value = tab.read<Outgoing[]>(this.#key) ?? [];
  }

  /** The conversation has its name now, or has lost it. */
  moveTo(sessionId: string | null): void {
    this.#tab.write(this.#key, []);
    this.#key = keyOf(sessionId);
    this.#write(this.messages.value);
  }

  add(message: Outgoing): void {
    this.#write([...this.messages.value, message]);
  }

  change(id: string, change: Partial<Outgoing>): void {
    this.#write(this.messages.value.map((one) => (one.id === id ? { ...one, ...change } : one)));
  }

  remove(id: string): void {
    if (this.messages.value.some((one) => one.id === id)) {
      this.#write(this.messages.value.filter((one) => one.id !== id));
    }
  }

  /** Take everything out, to be sent in another conversation. */
  empty(): readonly Outgoing[] {
    const all = this.messages.value;
    this.#write([]);
    return all;
  }

  #write(messages: readonly Outgoing[]): void {
    this.messages.value = messages;
    this.#tab.write(this.#key, messages);
  }
}

function keyOf(sessionId: string | null): string {
  return `unsent.${sessionId ?? NEW}`;
}
