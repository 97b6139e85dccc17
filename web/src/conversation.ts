import { batch, computed, signal } from "@preact/signals";
import { spokenAnswer, type Announcement } from "./announcement";
import type { ChatApi } from "./api";
import type { Bookmark } from "./bookmark";
import { answerEntry, changed, insertedAfter, insertedBefore, ownEntry, remark } from "./entry";
import { storedEntry, without, type Entries } from "./entry";
import { Problem } from "./problem";
import { Turns } from "./turns";
import type { Answer } from "./wire";

const ENDED = "Your earlier conversation has ended, so this is a new one.";
const ENDED_MEANWHILE = "The earlier conversation had ended. A new one starts here.";

/** A calm word above the conversation; `earlier` names the one that can be gone back to. */
export interface Notice {
  text: string;
  earlier: string | null;
}

export interface Surroundings {
  api: ChatApi;
  bookmark: Bookmark;
  now: () => Date;
  makeIdentifier: () => string;
}

/** What the visitor and the shop have said, and what is under way. */
export class Conversation {
  readonly entries = signal<Entries>([]);
  readonly restoring = signal(false);
  readonly restoreProblem = signal<string | null>(null);
  readonly notice = signal<Notice | null>(null);
  /** The latest event in words, for screen readers. */
  readonly announcement = signal<Announcement>({ text: "", count: 0 });
  readonly thinking = computed(() => this.entries.value.some((e) => e.delivery === "sending"));

  readonly #around: Surroundings;
  #turns = new Turns();

  constructor(around: Surroundings) {
    this.#around = around;
  }

  /** Show the conversation of this browser, now and whenever another tab changes it. */
  start(): void {
    this.#around.bookmark.watch(() => this.#move(null));
    void this.restore();
  }

  restore(): Promise<void> {
    const sessionId = this.#around.bookmark.read();
    if (sessionId === null) return Promise.resolve();
    this.restoring.value = true;
    this.restoreProblem.value = null;
    const turns = this.#turns;
    return turns.then(async () => {
      const outcome = await this.#around.api.history(sessionId).catch(named);
      if (turns.over) return;
      batch(() => {
        this.restoring.value = false;
        if (outcome instanceof Problem) this.#restoreFailed(outcome);
        else this.entries.value = [...outcome.map(storedEntry), ...this.#unsent()];
      });
    });
  }

  send(content: string): Promise<void> {
    const key = this.#around.makeIdentifier();
    this.notice.value = null;
    this.entries.value = [...this.entries.value, ownEntry(key, content, this.#around.now())];
    return this.#deliver(key, content);
  }

  /** Send a failed message again, as the same message and now as the latest. */
  retry(key: string): Promise<void> {
    const failed = this.entries.value.find((entry) => entry.key === key);
    if (failed?.delivery !== "failed") return Promise.resolve();
    const again = ownEntry(key, failed.content, this.#around.now());
    this.entries.value = [...without(this.entries.value, key), again];
    return this.#deliver(key, failed.content);
  }

  startOver(): void {
    const { bookmark } = this.#around;
    const earlier = bookmark.read();
    if (earlier === null && this.entries.value.length === 0) return;
    bookmark.write(null);
    this.#move({ text: "This is a new conversation.", earlier });
  }

  goBack(earlier: string): void {
    this.#around.bookmark.write(earlier);
    this.#move(null);
  }

  #move(notice: Notice | null): void {
    this.#turns.over = true;
    this.#turns = new Turns();
    batch(() => {
      this.entries.value = [];
      this.restoring.value = false;
      this.restoreProblem.value = null;
      this.notice.value = notice;
      this.#announce("");
    });
    void this.restore();
  }

  #restoreFailed(problem: Problem): void {
    if (!problem.conversationGone) {
      this.restoreProblem.value = problem.message;
      return;
    }
    this.#around.bookmark.write(null);
    this.notice.value = { text: ENDED, earlier: null };
  }

  #unsent(): Entries {
    return this.entries.value.filter((entry) => entry.delivery !== "sent");
  }

  #deliver(key: string, content: string): Promise<void> {
    this.#announce("Looking for an answer.");
    const turns = this.#turns;
    return turns.then(async () => {
      const outcome = await this.#ask(turns, key, content).catch(named);
      if (turns.over) return;
      if (outcome instanceof Problem) this.#failed(key, outcome);
      else this.#answered(key, outcome);
    });
  }

  async #ask(turns: Turns, key: string, content: string): Promise<Answer> {
    const message = { message: content, client_message_id: key };
    const { api, bookmark } = this.#around;
    const outcome = await api.send(bookmark.read() ?? (await this.#open(turns)), message).catch(named);
    if (!(outcome instanceof Problem)) return outcome;
    if (!outcome.conversationGone || turns.over) throw outcome;
    const sessionId = await this.#open(turns);
    this.#remarkBefore(turns, key);
    return api.send(sessionId, message);
  }

  async #open(turns: Turns): Promise<string> {
    const sessionId = await this.#around.api.open();
    if (!turns.over) this.#around.bookmark.write(sessionId);
    return sessionId;
  }

  #remarkBefore(turns: Turns, key: string): void {
    if (turns.over) return;
    const { makeIdentifier, now } = this.#around;
    const added = remark(makeIdentifier(), ENDED_MEANWHILE, now());
    this.entries.value = insertedBefore(this.entries.value, key, added);
  }

  #announce(text: string): void {
    this.announcement.value = { text, count: this.announcement.value.count + 1 };
  }

  #answered(key: string, answer: Answer): void {
    const entry = answerEntry(answer, this.#around.now());
    const settled = changed(this.entries.value, key, { delivery: "sent" });
    batch(() => {
      this.entries.value = insertedAfter(settled, key, entry);
      this.#announce(spokenAnswer(entry));
    });
  }

  #failed(key: string, problem: Problem): void {
    batch(() => {
      this.#announce("");
      this.entries.value = changed(this.entries.value, key, {
        delivery: "failed",
        problem: problem.message,
      });
    });
  }
}

/** Take a named problem as an outcome; anything else is a fault of this page and goes on up. */
function named(failure: unknown): Problem {
  if (failure instanceof Problem) return failure;
  throw failure;
}
