import { signal } from "@preact/signals";
import { draftKey } from "./draft";
import type { Storage } from "./storage";

const MOST = 10;
const BOOKS = "conversations";
const CURRENT = "current";

/** A conversation of this browser. Only its name: the name alone opens nothing. */
export interface Book {
  id: string;
  /** What the visitor asked first. */
  title: string;
  at: string;
}

/** The conversations of this browser, latest first, and the one that this tab is in. */
export class Shelf {
  readonly books = signal<readonly Book[]>([]);

  readonly #browser: Storage;
  readonly #tab: Storage;

  constructor(browser: Storage, tab: Storage) {
    this.#browser = browser;
    this.#tab = tab;
    this.#read();
    browser.watch(BOOKS, () => this.#read());
  }

  /** The conversation of this tab; a new tab goes on with the latest. "" is a new one. */
  current(): string | null {
    const chosen = this.#tab.read<string>(CURRENT);
    if (chosen !== null) return chosen || null;
    return this.books.value[0]?.id ?? null;
  }

  choose(id: string | null): void {
    this.#tab.write(CURRENT, id ?? "");
  }

  put(id: string, title: string, at: Date): void {
    this.#read();
    const known = this.books.value.find((book) => book.id === id);
    const book = { id, title: known?.title || title, at: at.toISOString() };
    this.#write([book, ...this.#others(id)].slice(0, MOST));
  }

  drop(id: string): void {
    this.#read();
    this.#write(this.#others(id));
  }

  #others(id: string): Book[] {
    return this.books.value.filter((book) => book.id !== id);
  }

  #read(): void {
    this.books.value = this.#browser.read<Book[]>(BOOKS) ?? [];
  }

  #write(books: readonly Book[]): void {
    const kept = new Set(books.map(({ id }) => id));
    for (const { id } of this.books.value) if (!kept.has(id)) this.#browser.remove(draftKey(id));
    this.books.value = books;
    this.#browser.write(BOOKS, books);
  }
}
