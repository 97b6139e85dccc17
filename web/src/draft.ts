import { signal } from "@preact/signals";
import type { Storage } from "./storage";

/**
 * What the visitor has begun to write in one conversation; it survives a reload.
 *
 * A tab keeps what was written in it. One in which nothing was written shows what another tab of
 * this browser has, and follows it: what is sent there is not left standing here.
 */
export class Draft {
  readonly text = signal("");

  readonly #tab: Storage;
  readonly #browser: Storage;
  #key = "";
  #own = false;
  #unwatch = () => {};

  constructor(tab: Storage, browser: Storage, sessionId: string | null) {
    this.#tab = tab;
    this.#browser = browser;
    this.#go(sessionId);
  }

  /** Whether something was written here. */
  get begun(): boolean {
    return this.#own;
  }

  write(text: string): void {
    this.#own = text !== "";
    this.text.value = text;
    for (const place of [this.#tab, this.#browser]) keep(place, this.#key, text);
  }

  /** The conversation has its name now, or has lost it. */
  moveTo(sessionId: string | null): void {
    const text = this.#own ? this.text.value : "";
    this.write("");
    this.close();
    this.#go(sessionId);
    if (text !== "") this.write(text);
  }

  close(): void {
    this.#unwatch();
  }

  #go(sessionId: string | null): void {
    this.#key = draftKey(sessionId);
    const own = this.#tab.read<string>(this.#key);
    this.#own = own !== null;
    this.text.value = own ?? this.#elsewhere();
    this.#unwatch = this.#browser.watch(this.#key, () => {
      if (!this.#own) this.text.value = this.#elsewhere();
    });
  }

  #elsewhere(): string {
    return this.#browser.read<string>(this.#key) ?? "";
  }
}

export function draftKey(sessionId: string | null): string {
  return `draft.${sessionId ?? "new"}`;
}

function keep(place: Storage, key: string, text: string): void {
  if (text === "") place.remove(key);
  else place.write(key, text);
}
