import { signal } from "@preact/signals";
import type { Frame, Hello, Said } from "./wire";

const SUBPROTOCOL = "holdfast.v1";
const FIRST_PAUSE_MS = 400;
const LONGEST_PAUSE_MS = 5_000;
const PATIENCE_MS = 10_000;
const CROWDED_PAUSE_MS = 5_000;
/** The service will not open this conversation again: not ours, unknown or ended. */
const GONE = new Set([4401, 4403, 4404, 4409]);
const CROWDED = 4429;

export type LineState = "closed" | "opening" | "open" | "waiting";

export interface Ends {
  hello(): Hello;
  heard(frame: Frame): void;
  gone(): void;
}

/**
 * A socket that comes back: whenever it is lost it is opened again, after a pause that grows.
 *
 * It holds nothing: what was not acknowledged is said again by whoever said it.
 */
export class Line {
  readonly state = signal<LineState>("closed");

  readonly #ends: Ends;
  #socket: WebSocket | null = null;
  #attempts = 0;
  #pause = 0;
  #beat = 0;
  #patience = 0;
  readonly #wake = () => this.now();
  readonly #leave = () => this.#drop();
  readonly #show = () => document.visibilityState === "visible" && this.now();

  constructor(ends: Ends) {
    this.#ends = ends;
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
    this.#release()?.close(1000);
    this.state.value = "closed";
  }

  /** Try again at once instead of after the pause. */
  now(): void {
    if (this.state.value === "waiting") this.#connect();
  }

  /** Say something, if there is anybody to hear it. */
  say(said: Said): boolean {
    if (this.state.value !== "open" || this.#socket === null) return false;
    this.#socket.send(JSON.stringify(said));
    if (said.type === "message.send" || said.type === "ping") this.#expectSomething();
    return true;
  }

  #connect(): void {
    this.#release();
    this.state.value = "opening";
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}/v1/chat/ws`, SUBPROTOCOL);
    this.#socket = socket;
    this.#expectSomething();
    socket.onopen = () => socket.send(JSON.stringify(this.#ends.hello()));
    socket.onmessage = ({ data }) => this.#hear(JSON.parse(String(data)) as Frame);
    socket.onclose = ({ code }) => this.#lost(code);
  }

  #hear(frame: Frame): void {
    window.clearTimeout(this.#patience);
    if (frame.type === "welcome") {
      this.#attempts = 0;
      this.state.value = "open";
      this.#beat = window.setInterval(() => this.say({ type: "ping" }), frame.heartbeat_seconds * 1000);
    }
    this.#ends.heard(frame);
  }

  /** A line on which nothing comes back is lost, whatever the browser believes. */
  #expectSomething(): void {
    window.clearTimeout(this.#patience);
    this.#patience = window.setTimeout(() => this.#drop(), PATIENCE_MS);
  }

  #drop(): void {
    if (this.#socket === null) return;
    this.#release()?.close();
    this.#comeBack(0);
  }

  #lost(code: number): void {
    this.#release();
    if (!GONE.has(code)) return this.#comeBack(code === CROWDED ? CROWDED_PAUSE_MS : 0);
    this.close();
    this.#ends.gone();
  }

  /** Wait for half of the pause at least; the rest is chance, so that not all come at once. */
  #comeBack(shortest: number): void {
    this.state.value = "waiting";
    const pause = Math.min(FIRST_PAUSE_MS * 2 ** this.#attempts, LONGEST_PAUSE_MS);
    this.#attempts += 1;
    const wait = shortest + pause * (0.5 + Math.random() / 2);
    this.#pause = window.setTimeout(() => this.#connect(), wait);
  }

  /** Let go of the socket, which from now on is not listened to. */
  #release(): WebSocket | null {
    window.clearTimeout(this.#pause);
    window.clearTimeout(this.#patience);
    window.clearInterval(this.#beat);
    const socket = this.#socket;
    this.#socket = null;
    if (socket) socket.onopen = socket.onmessage = socket.onclose = null;
    return socket;
  }
}
