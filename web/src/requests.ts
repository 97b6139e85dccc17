import type { ChatApi } from "./api";
import type { Carrier, Listener } from "./carrier";
import { named, Problem } from "./problem";
import type { CancelRun, Frame, GiveFeedback, Hello, Said, SendMessage } from "./wire";

/** Whoever lets events through has let the first one through by then. */
const FIRST_EVENT_MS = 5_000;
/** The service says something every 15 seconds, if only that it is there. */
const SILENCE_MS = 40_000;
const LOOK_MS = 2_000;
const HIDDEN_LOOK_MS = 15_000;
const PAGE = 100;
const UNANSWERED = "ANSWER_UNAVAILABLE";

/**
 * The conversation by plain requests, where something on the way lets no sockets through.
 *
 * What is told comes as a stream of events, or, where something on the way collects those too, by
 * looking again and again. Nobody is told of typing this way.
 */
export class Requests implements Carrier {
  readonly #api: ChatApi;
  readonly #id: string;
  readonly #listener: Listener;
  readonly #closing = new AbortController();
  #last: number;
  #lookNow = () => {};

  constructor(hello: Hello, listener: Listener, api: ChatApi) {
    this.#api = api;
    this.#id = hello.session_id;
    this.#last = hello.last_number ?? 0;
    this.#listener = listener;
    void this.#untilLost(() => this.#follow());
  }

  say(said: Said): boolean {
    if (this.#closed) return false;
    if (said.type === "message.send") void this.#untilLost(() => this.#send(said));
    else if (said.type === "feedback") void this.#untilLost(() => this.#rate(said));
    else if (said.type === "run.cancel") void this.#untilLost(() => this.#stop(said));
    else if (said.type === "ping" && said.stay) void this.#untilLost(() => this.#touch());
    else return false;
    return true;
  }

  close(): void {
    this.#closing.abort();
  }

  get #closed(): boolean {
    return this.#closing.signal.aborted;
  }

  /** Go on until a step fails, or the connection is not wanted any more. */
  async #untilLost(step: () => Promise<void>): Promise<void> {
    const problem = await step().then(() => null, named);
    if (this.#closed || problem === null) return;
    this.close();
    this.#listener.lost(problem.closed ? "gone" : "passing");
  }

  async #follow(): Promise<void> {
    const stream = new AbortController();
    const stop = () => stream.abort();
    this.#closing.signal.addEventListener("abort", stop);
    let patience = window.setTimeout(stop, FIRST_EVENT_MS);
    let heard = false;
    try {
      for await (const frame of this.#api.stream(this.#id, this.#last, stream.signal)) {
        if (this.#closed) return;
        heard = true;
        window.clearTimeout(patience);
        patience = window.setTimeout(stop, SILENCE_MS);
        if (frame !== null) this.#hear(frame);
      }
    } catch (failure) {
      if (heard || this.#closed || !stream.signal.aborted) throw failure;
      return this.#lookOn();
    } finally {
      window.clearTimeout(patience);
    }
    throw new Problem(0, "UNREACHABLE", "");
  }

  #hear(frame: Frame): void {
    if (frame.type === "message") this.#last = Math.max(this.#last, frame.number);
    if (frame.type === "welcome") this.#listener.opened(frame.last_number, frame.expires_at);
    else this.#listener.heard(frame);
  }

  async #lookOn(): Promise<void> {
    const { last_number } = await this.#api.read(this.#id, this.#last);
    if (!this.#closed) this.#listener.opened(last_number, null);
    while (!this.#closed) {
      const seen = await this.#look();
      if (seen < PAGE) await this.#pause();
    }
  }

  async #look(): Promise<number> {
    const { messages } = await this.#api.read(this.#id, this.#last);
    if (this.#closed) return 0;
    for (const message of messages) this.#hear({ ...message, type: "message" });
    return messages.length;
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#lookNow = resolve;
      window.setTimeout(resolve, document.hidden ? HIDDEN_LOOK_MS : LOOK_MS);
    });
  }

  /** The request ends when there is an answer, which comes as everything else does. */
  async #send(said: SendMessage): Promise<void> {
    try {
      await this.#api.send(this.#id, said, this.#closing.signal);
    } catch (failure) {
      const problem = named(failure);
      // Such a message is stored: it is told before what became of it.
      if (problem.code === UNANSWERED) await this.#look();
      this.#refused(problem, said.client_message_id);
    }
    this.#lookNow();
    if (!this.#closed) await this.#touch();
  }

  async #stop({ run_id }: CancelRun): Promise<void> {
    await this.#api.stop(this.#id, run_id).catch((failure) => this.#refused(named(failure)));
  }

  async #rate(given: GiveFeedback): Promise<void> {
    await this.#api.rate(this.#id, given).catch((failure) => this.#refused(named(failure)));
  }

  /** Nobody says on their own when the conversation ends; if it is not said now, then later. */
  async #touch(): Promise<void> {
    const expires_at = await this.#api.touch(this.#id).catch(named);
    if (this.#closed) return;
    if (!(expires_at instanceof Problem)) this.#listener.heard({ type: "pong", expires_at });
    else if (expires_at.closed) throw expires_at;
  }

  #refused(problem: Problem, clientId?: string): void {
    if (this.#closed) return;
    const { code, detail, closed } = problem;
    const unanswered = code === UNANSWERED;
    if (closed || (problem.passing && !unanswered)) throw problem;
    const message = clientId === undefined ? {} : { client_message_id: clientId };
    this.#listener.heard({ type: "error", code, detail, retryable: unanswered, ...message });
  }
}
