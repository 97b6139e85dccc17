import { batch, computed, signal } from "@preact/signals";
import type { ChatApi } from "./api";
import type { Clock } from "./clock";
import { arranged, outgoingEntry, standing, storedEntry, type Entry, type Known } from "./entry";
import { Draft } from "./draft";
import { Expiry } from "./expiry";
import { Line, type Ways } from "./line";
import { Outbox, type Outgoing } from "./outbox";
import { named, Problem } from "./problem";
import { begun, grown, type Run } from "./run";
import type { Storage } from "./storage";
import type { Frame, Hello, MessageTold, Owner, Rating, RunInterrupted, RunStarted } from "./wire";
import { language } from "./words";

/** How long a run of an earlier socket may stay without a word on the new one. */
const STALE_MS = 5_000;
const LONGEST_PAUSE_MS = 5_000;
/** What the service calls a person whose name it does not know. */
const UNNAMED = "Staff";

export interface Surroundings {
  api: ChatApi;
  ways: Ways;
  tab: Storage;
  browser: Storage;
  now: () => Date;
  clock: Clock;
  makeIdentifier: () => string;
  /** A conversation has begun, or goes on: name it, with what was asked first. */
  named: (id: string, title: string) => void;
  /** It could not be kept. */
  unnamed: (id: string) => void;
  /** It is not there any more. */
  gone: (conversation: Conversation) => void;
  /** Say to those who cannot see it what has happened. */
  told: (message: MessageTold) => void;
  /** The conversation lasts on, as the visitor wanted. */
  stayed: () => void;
  /** The assistant answers again. */
  back: () => void;
}

/** What the visitor and the shop have said, and what is under way: a view of the session. */
export class Conversation {
  readonly id = signal<string | null>(null);
  readonly run = signal<Run | null>(null);
  readonly ended = signal(false);
  readonly othersType = signal(false);
  readonly owner = signal<Owner | null>(null);
  /** Whether what was said before is still being read. */
  readonly restoring = signal(false);
  readonly draft: Draft;
  readonly outbox: Outbox;
  readonly line: Line;
  readonly expiry: Expiry;

  readonly #messages = signal<ReadonlyMap<number, MessageTold>>(new Map());
  readonly #escalated = signal<{ ticketId: string } | null>(null);
  readonly #again = signal<ReadonlySet<string>>(new Set());
  /** Ratings given here; those from before come with their messages. */
  readonly #given = signal<ReadonlyMap<string, Rating>>(new Map());
  /** Ratings for which there was no line. */
  readonly #unsaid = new Map<string, Rating>();
  readonly #around: Surroundings;
  #lastNumber = 0;
  #welcomedAt = 0;
  #beginning = false;
  /** Begun here, and not open yet. */
  #untried = false;
  #stale = 0;
  #closed = false;

  constructor(id: string | null, around: Surroundings) {
    this.#around = around;
    this.id.value = id;
    this.restoring.value = id !== null;
    this.draft = new Draft(around.tab, around.browser, id);
    this.outbox = new Outbox(around.tab, id);
    // Whoever has lost the line is told when it is there again.
    const ask = () => this.line.say({ type: "ping" }) || this.line.state.value !== "open";
    this.expiry = new Expiry(around.clock, ask);
    const ends = {
      hello: () => this.#hello(),
      opened: (lastNumber: number, expiresAt: string | null) =>
        batch(() => this.#opened(lastNumber, expiresAt)),
      heard: (frame: Frame) => batch(() => this.#heard(frame)),
      gone: () => this.#gone(),
    };
    this.line = new Line(ends, around.ways);
  }

  readonly entries = computed<readonly Entry[]>(() => [
    ...arranged(this.#messages.value.values()).map((message) => this.#entryOf(message)),
    ...this.outbox.messages.value.map(outgoingEntry),
  ]);

  /** The person who answers; their name may be "". */
  readonly staff = computed<string | null>(() => {
    const owner = this.owner.value;
    if (owner?.kind !== "staff") return null;
    return owner.name === UNNAMED ? "" : owner.name;
  });

  /** What a person was asked for with, until one has answered. */
  readonly awaited = computed<{ ticketId: string | null } | null>(() => {
    const told = arranged(this.#messages.value.values());
    const asked = told.findLastIndex((one) => one.requires_escalation || one.ticket_id);
    const answered = told.findLastIndex(({ role }) => role === "staff" || role === "system");
    if (asked > answered) return { ticketId: told[asked]!.ticket_id ?? null };
    return this.#escalated.value;
  });

  readonly #answered = computed(
    () => new Set([...this.#messages.value.values()].map((message) => message.reply_to)),
  );

  readonly #known = computed<Known>(() => {
    const run = this.run.value;
    const taken = [...this.#messages.value.values()].filter(
      ({ id }) => this.#answered.value.has(id) || id === run?.messageId,
    );
    const latest = Math.max(0, ...taken.map(({ number }) => number));
    return { run, latest, again: this.#again.value };
  });

  /** Whether an answer is to be expected. */
  readonly busy = computed(
    () =>
      (this.run.value !== null && this.run.value.state !== "interrupted") ||
      this.entries.value.some(({ role, delivery, id }) => role === "user" && id !== null && delivery === "waiting") ||
      this.outbox.messages.value.some(({ state }) => state !== "failed"),
  );

  open(): void {
    if (this.id.value !== null) this.line.open();
    else if (this.outbox.messages.value.length > 0) void this.#begin();
  }

  /** Leave it; its run goes on without this tab. */
  close(): void {
    this.#closed = true;
    window.clearTimeout(this.#stale);
    this.draft.close();
    this.expiry.stop();
    this.line.close();
  }

  send(text: string): void {
    const at = this.#around.now().toISOString();
    const id = this.#around.makeIdentifier();
    this.deliver({ id, text, at, state: "sending", problem: null });
  }

  deliver(message: Outgoing): void {
    this.outbox.add(message);
    if (this.id.value === null) void this.#begin();
    else this.#say(message);
  }

  /** Send a message again, as the same one. */
  retry({ id, clientId, content }: Entry): void {
    if (clientId === null) return;
    if (id === null) {
      this.outbox.change(clientId, { state: "sending", problem: null });
      if (this.id.value === null) return void this.#begin();
    } else {
      this.#again.value = new Set([...this.#again.value, id]);
      if (this.run.value?.messageId === id) this.run.value = null;
    }
    this.#say({ id: clientId, text: content });
  }

  stop(): void {
    const run = this.run.value;
    if (run?.state !== "running") return;
    this.run.value = { ...run, state: "stopping" };
    this.line.say({ type: "run.cancel", run_id: run.id });
  }

  /** Say whether an answer helped, later if it cannot be said now: then this is false. */
  rate(messageId: string, value: Rating): boolean {
    this.#unsaid.set(messageId, value);
    if (!this.line.say({ type: "feedback", message_id: messageId, value })) return false;
    this.#unsaid.delete(messageId);
    this.#given.value = new Map(this.#given.value).set(messageId, value);
    return true;
  }

  /** Have the conversation last although nothing is said. */
  stay(): void {
    this.expiry.stays();
    this.line.say({ type: "ping", stay: true });
  }

  types(on: boolean): void {
    this.line.say({ type: "typing", on });
  }

  #entryOf(message: MessageTold): Entry {
    const stored = storedEntry(message);
    const entry = { ...stored, rating: this.#given.value.get(message.id) ?? stored.rating };
    const open = message.role === "user" && !this.#answered.value.has(message.id);
    if (!open || this.staff.value !== null) return entry;
    const delivery = standing(message, this.#known.value);
    if (delivery !== "interrupted") return { ...entry, delivery };
    const { detail, retryable } = this.run.value!;
    return { ...entry, delivery, problem: detail, retryable };
  }

  /** Begin a conversation for what waits to be sent; the network may be away for long. */
  async #begin(): Promise<void> {
    if (this.#beginning) return;
    this.#beginning = true;
    for (let pause = 400; !this.#closed; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      this.line.state.value = "opening";
      const outcome = await this.#around.api.begin(language.value).catch(named);
      if (this.#closed) return;
      if (!(outcome instanceof Problem)) return this.#began(outcome);
      this.line.state.value = outcome.passing ? "waiting" : "closed";
      if (!outcome.passing) return this.#refused(outcome);
      await this.#pause(pause * (0.5 + Math.random() / 2));
    }
  }

  #pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      window.setTimeout(resolve, milliseconds);
      window.addEventListener("online", () => resolve(), { once: true });
    });
  }

  #began(id: string): void {
    this.#beginning = false;
    this.#untried = true;
    batch(() => {
      this.id.value = id;
      this.line.state.value = "closed";
      this.draft.moveTo(id);
      this.outbox.moveTo(id);
    });
    this.#around.named(id, this.outbox.messages.value[0]?.text ?? "");
    this.line.open();
  }

  #refused(problem: Problem): void {
    this.#beginning = false;
    for (const { id } of this.outbox.messages.value) {
      this.outbox.change(id, { state: "failed", problem: `${problem.code}\n${problem.detail}` });
    }
  }

  #say({ id, text }: Pick<Outgoing, "id" | "text">): void {
    this.line.now();
    this.line.say({ type: "message.send", client_message_id: id, text });
  }

  #hello(): Hello {
    return { type: "hello", session_id: this.id.value!, last_number: this.#lastNumber };
  }

  #heard(frame: Frame): void {
    switch (frame.type) {
      case "ack":
        return this.outbox.change(frame.client_message_id, { state: "sent" });
      case "message":
        return this.#told(frame);
      case "run.started":
        return this.#started(frame);
      case "run.interrupted":
        return this.#interrupted(frame);
      case "run.finished":
        if (this.run.value?.id === frame.run_id) this.run.value = null;
        return;
      case "error":
        return this.#failed(frame.client_message_id, `${frame.code}\n${frame.detail}`);
      default:
        return this.#progressed(frame);
    }
  }

  #interrupted({ run_id, detail, retryable }: RunInterrupted): void {
    this.#change(run_id, { state: "interrupted", detail: detail ?? null, retryable });
  }

  #progressed(frame: Frame): void {
    switch (frame.type) {
      case "status":
        return this.#change(frame.run_id, { status: frame.text_key });
      case "sources":
        return this.#change(frame.run_id, { sources: frame.sources });
      case "delta": {
        const run = this.run.value;
        if (run?.id === frame.run_id) this.run.value = grown(run, frame);
        return;
      }
      case "typing":
        this.othersType.value = frame.on;
        return;
      case "pong":
        return void this.#ends(frame.expires_at);
      case "owner":
        return this.#owned(frame);
      case "escalated":
        this.#escalated.value = { ticketId: frame.ticket_id };
        return;
      default:
        return;
    }
  }

  async #ends(at: string): Promise<void> {
    if (await this.expiry.ends(at)) this.#around.stayed();
  }

  #owned(owner: Owner): void {
    const before = this.owner.value;
    this.owner.value = owner;
    this.#escalated.value = null;
    if (before?.kind === "staff" && owner.kind === "agent") this.#around.back();
  }

  #opened(lastNumber: number, expiresAt: string | null): void {
    this.#untried = false;
    if (expiresAt !== null) void this.expiry.ends(expiresAt);
    this.#welcomedAt = Math.max(this.#welcomedAt, lastNumber);
    if (this.#lastNumber >= lastNumber) this.restoring.value = false;
    const earlier = this.run.value?.id;
    window.clearTimeout(this.#stale);
    this.#stale = window.setTimeout(() => {
      this.restoring.value = false;
      if (earlier && this.run.value?.id === earlier) this.run.value = null;
    }, STALE_MS);
    for (const message of this.outbox.messages.value) {
      if (message.state !== "failed") this.#say(message);
    }
    for (const [id, value] of [...this.#unsaid]) this.rate(id, value);
    for (const { id, client_message_id, content } of this.#messages.value.values()) {
      if (client_message_id && this.#again.value.has(id)) {
        this.#say({ id: client_message_id, text: content });
      }
    }
  }

  #told(message: MessageTold): void {
    this.#messages.value = new Map(this.#messages.value).set(message.number, message);
    this.#lastNumber = Math.max(this.#lastNumber, message.number);
    if (message.number >= this.#welcomedAt) this.restoring.value = false;
    if (message.role === "staff") this.#escalated.value = null;
    // The conversation was used, here or elsewhere: its end is further away now.
    if (this.expiry.near.value !== null) this.line.say({ type: "ping" });
    if (message.client_message_id) this.outbox.remove(message.client_message_id);
    if (message.role === "user") {
      const first = this.#messages.value.size === 1;
      if (first) this.#around.named(this.id.value!, message.content);
      return;
    }
    if (this.run.value && this.run.value.messageId === message.reply_to) this.run.value = null;
    if (message.number > this.#welcomedAt) this.#around.told(message);
  }

  #started(frame: RunStarted): void {
    const { run_id, message_id } = frame;
    if (message_id && this.#again.value.has(message_id)) {
      this.#again.value = new Set([...this.#again.value].filter((id) => id !== message_id));
    }
    if (message_id && this.#answered.value.has(message_id)) return;
    const run = this.run.value;
    if (run?.id !== run_id) this.run.value = begun(frame);
    else window.clearTimeout(this.#stale);
    // What was said on a line that is lost may not have been heard.
    if (run?.id === run_id && run.state === "stopping") this.line.say({ type: "run.cancel", run_id });
  }

  #change(runId: string, change: Partial<Run>): void {
    const run = this.run.value;
    if (run?.id === runId) this.run.value = { ...run, ...change };
  }

  #failed(id: string | undefined, problem: string): void {
    const run = this.run.value;
    if (id !== undefined) {
      this.outbox.change(id, { state: "failed", problem });
      this.#again.value = new Set();
      if (run === null) this.run.value = this.#brokenOff(id);
    } else if (run?.state === "stopping") this.run.value = { ...run, state: "running" };
  }

  /** A message that is stored, and for which there is no answer and will be none. */
  #brokenOff(clientId: string): Run | null {
    const asked = [...this.#messages.value.values()].find(
      ({ id, client_message_id }) => client_message_id === clientId && !this.#answered.value.has(id),
    );
    if (asked === undefined) return null;
    const run = begun({ type: "run.started", run_id: clientId, message_id: asked.id });
    return { ...run, state: "interrupted" };
  }

  #gone(): void {
    if (this.#untried) return this.#shut();
    batch(() => {
      this.restoring.value = false;
      this.run.value = null;
      this.ended.value = true;
      this.othersType.value = false;
      this.expiry.stop();
      this.draft.moveTo(null);
    });
    this.#around.gone(this);
  }

  /** What opens a new conversation did not come along: to begin others would not help. */
  #shut(): void {
    const id = this.id.value!;
    batch(() => {
      this.id.value = null;
      this.draft.moveTo(null);
      this.outbox.moveTo(null);
      this.#refused(new Problem(0, "NO_COOKIES", ""));
    });
    this.#around.unnamed(id);
  }
}
