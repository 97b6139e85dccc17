import { signal } from "@preact/signals";
import type { Carrier, Loss, Way } from "./carrier";
import type { Frame, Hello, Said } from "./wire";

const FIRST_PAUSE_MS = 400;
const LONGEST_PAUSE_MS = 5_000;
const CROWDED_PAUSE_MS = 5_000;
/** So often in a row sockets are refused, where requests are answered, until they are given up. */
const REFUSALS = 2;

export type LineState = "closed" | "opening" | "open" | "waiting";

export interface Ends {
  hello(): Hello;
  opened(lastNumber: number, expiresAt: string | null): void;
  heard(frame: Frame): void;
  gone(): void;
}

export interface Ways {
  socket: Way;
  requests: Way;
  /** Whether requests for a conversation are answered. */
  answers(sessionId: string): Promise<boolean>;
  /** Whether sockets were given up in this tab a short while ago. */
  givenUp(): boolean;
  giveUp(): void;
}

/**
 * A connection that comes back: whenever it is lost it is opened again, after a pause that grows.
 *
 * It holds nothing: what was not acknowledged is said again by whoever said it.
 */
export class Line {
  readonly state = signal<LineState>("closed");

  readonly #ends: Ends;
  readonly #ways: Ways;
  #carrier: Carrier | null = null;
  #attempts = 0;
  #refusals = 0;
  #pause = 0;
  readonly #wake = () => this.now();
  readonly #leave = () => this.#drop();
  readonly #show = () => document.visibilityState === "visible" && this.now();

  constructor(ends: Ends, ways: Ways) {
    this.#ends = ends;
    this.#ways = ways;
  }

  open(): void {
    if (this.state.value !== "closed") return;
    window.addEventListener("online", this.#wake);
    window.addEventListener("offline", this.#leave);
    document.addEventListener("visibilitychange", this.#show);
    this.#connect();
  }

  close(): void {
    window.removeEventListener("online", this.#wake);
    window.removeEventListener("offline", this.#leave);
    document.removeEventListener("visibilitychange", this.#show);
    this.#release();
    this.state.value = "closed";
  }

  /** Try again at once instead of after the pause. */
  now(): void {
    if (this.state.value === "waiting") this.#connect();
  }

  /** Say something, if there is anybody to hear it. */
  say(said: Said): boolean {
    return this.state.value === "open" && this.#carrier !== null && this.#carrier.say(said);
  }

  #connect(): void {
    this.#release();
    this.state.value = "opening";
    const way = this.#ways.givenUp() ? "requests" : "socket";
    this.#carrier = this.#ways[way](this.#ends.hello(), {
      opened: (lastNumber, expiresAt) => this.#opened(lastNumber, expiresAt),
      heard: (frame) => this.#ends.heard(frame),
      lost: (why) => this.#lost(why),
    });
  }

  #opened(lastNumber: number, expiresAt: string | null): void {
    this.#attempts = this.#refusals = 0;
    this.state.value = "open";
    this.#ends.opened(lastNumber, expiresAt);
  }

  #drop(): void {
    if (this.#carrier !== null) this.#comeBack("passing");
  }

  #lost(why: Loss): void {
    if (why !== "gone") return this.#comeBack(why);
    this.close();
    this.#ends.gone();
  }

  /** Wait for half of the pause at least; the rest is chance, so that not all come at once. */
  #comeBack(why: Loss): void {
    this.#release();
    this.state.value = "waiting";
    const pause = Math.min(FIRST_PAUSE_MS * 2 ** this.#attempts, LONGEST_PAUSE_MS);
    this.#attempts += 1;
    const wait = (why === "crowded" ? CROWDED_PAUSE_MS : 0) + pause * (0.5 + Math.random() / 2);
    this.#pause = window.setTimeout(() => this.#connect(), wait);
    if (why === "refused") void this.#doubt();
  }

  /** Where requests are answered again and again and sockets are not, something keeps them out. */
  async #doubt(): Promise<void> {
    const attempt = this.#attempts;
    const answered = await this.#ways.answers(this.#ends.hello().session_id);
    if (this.#attempts !== attempt || this.state.value === "closed") return;
    this.#refusals = answered ? this.#refusals + 1 : 0;
    if (this.#refusals < REFUSALS) return;
    this.#ways.giveUp();
    this.now();
  }

  #release(): void {
    window.clearTimeout(this.#pause);
    this.#carrier?.close();
    this.#carrier = null;
  }
}
