import { batch, effect, signal, untracked } from "@preact/signals";
import { spokenAnswer, type Announcement } from "./announcement";
import type { ChatApi } from "./api";
import type { Clock } from "./clock";
import { Conversation, type Surroundings } from "./conversation";
import type { Entry } from "./entry";
import type { Ways } from "./line";
import type { Outgoing } from "./outbox";
import { named, Problem } from "./problem";
import type { Shelf } from "./shelf";
import type { Storage } from "./storage";
import { asMarkdown } from "./transcript";
import { words, type Words } from "./words";

/** A calm word above the conversation. */
export type Notice = keyof Pick<Words, "ended" | "endedMeanwhile">;

export interface Parts {
  api: ChatApi;
  ways: Ways;
  shelf: Shelf;
  tab: Storage;
  browser: Storage;
  now: () => Date;
  clock: Clock;
  makeIdentifier: () => string;
}

/** The conversations of this browser, and the one that this tab shows. */
export class Chat {
  readonly current = signal<Conversation>(undefined as never);
  readonly notice = signal<Notice | null>(null);
  /** The latest event in words, for screen readers. */
  readonly announcement = signal<Announcement>({ text: "", count: 0 });
  readonly shelf: Shelf;

  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.shelf = parts.shelf;
    const latest = this.shelf.current();
    if (latest !== null) this.shelf.choose(latest);
    this.#show(latest);
    effect(() => this.#follow(this.shelf.books.value[0]?.id));
  }

  send(text: string): void {
    if (this.current.value.ended.value) this.#carryOn([], "endedMeanwhile");
    else this.notice.value = null;
    this.current.value.send(text);
    this.announce(words.value.looking);
  }

  retry(entry: Entry): void {
    this.current.value.retry(entry);
    this.announce(words.value.looking);
  }

  startOver(): void {
    const empty = this.current.value.entries.value.length === 0;
    this.shelf.choose(null);
    this.notice.value = null;
    if (!empty) this.#show(null);
    this.announce(words.value.begunAnew);
  }

  /** Go to another conversation of this browser. */
  goTo(id: string): void {
    if (id === this.current.value.id.value) return;
    this.shelf.choose(id);
    this.notice.value = null;
    this.#show(id);
  }

  /** The conversation as a file: the service's own, or what the page shows of it. */
  async transcript(): Promise<Blob> {
    const { id, entries } = this.current.value;
    const outcome = await this.#parts.api.transcript(id.value ?? "").catch(named);
    if (!(outcome instanceof Problem)) return outcome;
    return new Blob([asMarkdown(entries.value)], { type: "text/markdown" });
  }

  announce(text: string): void {
    this.announcement.value = { text, count: this.announcement.value.count + 1 };
  }

  #show(id: string | null): void {
    const before = this.current.value as Conversation | undefined;
    before?.close();
    batch(() => {
      this.current.value = new Conversation(id, this.#around());
      this.announce("");
    });
    this.current.value.open();
  }

  #around(): Surroundings {
    const { api, ways, tab, browser, now, clock, makeIdentifier } = this.#parts;
    return {
      api,
      ways,
      tab,
      browser,
      now,
      clock,
      makeIdentifier,
      named: (id, title) => this.#named(id, title),
      unnamed: (id) => this.#unnamed(id),
      gone: (conversation) => this.#gone(conversation),
      told: (message) => this.announce(spokenAnswer(message)),
      stayed: () => this.announce(words.value.stayed),
      back: () => this.announce(words.value.assistantAgain),
    };
  }

  /** An untouched tab goes along when another tab begins a conversation. */
  #follow(latest: string | undefined): void {
    untracked(() => {
      const { id, entries, draft } = this.current.value;
      const untouched = id.value === null && entries.value.length === 0 && !draft.begun;
      if (latest !== undefined && untouched && this.shelf.current() === latest) this.goTo(latest);
    });
  }

  #named(id: string, title: string): void {
    this.shelf.put(id, title, this.#parts.now());
    this.shelf.choose(id);
  }

  #unnamed(id: string): void {
    this.shelf.drop(id);
    this.shelf.choose(null);
  }

  #gone(conversation: Conversation): void {
    const unsent = conversation.outbox.empty();
    this.#unnamed(conversation.id.value!);
    if (conversation !== this.current.value) return;
    if (unsent.length > 0) this.#carryOn(unsent, "endedMeanwhile");
    else if (conversation.entries.value.length === 0) this.#carryOn([], "ended");
    else this.announce(words.value.endedHere);
  }

  /** Go on in a new conversation with what the old one could not take. */
  #carryOn(unsent: readonly Outgoing[], notice: Notice): void {
    this.#show(null);
    this.notice.value = notice;
    for (const message of unsent) this.current.value.deliver({ ...message, state: "sending" });
  }
}
