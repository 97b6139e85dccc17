import { signal } from "@preact/signals";
import type { Clock } from "./clock";

/** A visitor is told so long before the end, and never later than WCAG 2.2.1 asks for. */
const MOST_MS = 120_000;
const LEAST_MS = 20_000;
/** Longer than this browsers cannot wait. */
const LONGEST_MS = 2 ** 31 - 1;

/** When the conversation ends if nobody uses it, and whether it is time to say so. */
export class Expiry {
  /** The end, by the browser's clock, once it is near. */
  readonly near = signal<Date | null>(null);
  /** Whether the conversation was to stay, and cannot. */
  readonly fixed = signal(false);

  readonly #clock: Clock;
  readonly #ask: () => boolean;
  #end = 0;
  #longest = 0;
  #staying = false;
  #timer = 0;

  /**
   * `ask` has the service say again when the end is: others may have used the conversation. Where
   * it cannot be asked (false), what it said last is what holds.
   */
  constructor(clock: Clock, ask: () => boolean) {
    this.#clock = clock;
    this.#ask = ask;
  }

  /** The service has said when the end is. Say whether it was put off because the visitor stays. */
  async ends(at: string): Promise<boolean> {
    const later = Date.parse(at) > this.#end;
    const stayed = this.#staying && later;
    if (this.#staying || later) this.fixed.value = !later;
    this.#staying = false;
    const end = (this.#end = Date.parse(at));
    const left = end - (await this.#clock());
    if (end === this.#end) this.#plan(left);
    return stayed;
  }

  /** The visitor wants to stay: the service is about to say whether that is possible. */
  stays(): void {
    this.#staying = true;
  }

  stop(): void {
    window.clearTimeout(this.#timer);
    this.#end = NaN;
    this.near.value = null;
  }

  #plan(left: number): void {
    window.clearTimeout(this.#timer);
    this.#longest = Math.max(this.#longest, left);
    const ahead = Math.min(MOST_MS, Math.max(LEAST_MS, this.#longest / 2));
    const end = new Date(Date.now() + left);
    this.near.value = left > ahead ? null : end;
    if (left <= ahead) return;
    const look = () => void (this.#ask() || (this.near.value = end));
    this.#timer = window.setTimeout(look, Math.min(left - ahead, LONGEST_MS));
  }
}
