import type { Carrier, Listener, Loss } from "./carrier";
import type { Frame, Hello, Said } from "./wire";

const SUBPROTOCOL = "holdfast.v1";
const PATIENCE_MS = 10_000;
/** What a browser calls an end that nobody gave a reason for. */
const ABNORMAL = 1006;
const CROWDED = 4429;
const GONE = new Set([4401, 4403, 4404, 4409]);

/** The conversation over a WebSocket. */
export class Socket implements Carrier {
  readonly #listener: Listener;
  readonly #socket: WebSocket;
  #opened = false;
  #beat = 0;
  #patience = 0;

  constructor(hello: Hello, listener: Listener) {
    this.#listener = listener;
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}/v1/chat/ws`, SUBPROTOCOL);
    this.#socket = socket;
    this.#expectSomething();
    socket.onopen = () => socket.send(JSON.stringify(hello));
    socket.onmessage = ({ data }) => this.#hear(JSON.parse(String(data)) as Frame);
    socket.onclose = ({ code }) => this.#end(this.#reason(code));
  }

  say(said: Said): boolean {
    if (!this.#opened) return false;
    this.#socket.send(JSON.stringify(said));
    if (said.type === "message.send" || said.type === "ping") this.#expectSomething();
    return true;
  }

  close(): void {
    window.clearTimeout(this.#patience);
    window.clearInterval(this.#beat);
    this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.close(1000);
  }

  #hear(frame: Frame): void {
    window.clearTimeout(this.#patience);
    if (frame.type !== "welcome") return this.#listener.heard(frame);
    this.#opened = true;
    const beat = frame.heartbeat_seconds * 1000;
    this.#beat = window.setInterval(() => this.say({ type: "ping" }), beat);
    this.#listener.opened(frame.last_number, frame.expires_at);
  }

  /** A line on which nothing comes back is lost, whatever the browser believes. */
  #expectSomething(): void {
    window.clearTimeout(this.#patience);
    this.#patience = window.setTimeout(() => this.#end(this.#reason(ABNORMAL)), PATIENCE_MS);
  }

  #end(why: Loss): void {
    this.close();
    this.#listener.lost(why);
  }

  #reason(code: number): Loss {
    if (GONE.has(code)) return "gone";
    if (code === CROWDED) return "crowded";
    return code === ABNORMAL && !this.#opened ? "refused" : "passing";
  }
}
