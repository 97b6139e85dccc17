import type { Frame, Hello, Said } from "./wire";

/** Why a connection is lost. */
export type Loss =
  /** It may be there again in a moment. */
  | "passing"
  /** There are too many: come back later. */
  | "crowded"
  /** It was never there, and nobody said why. */
  | "refused"
  /** The service will not open this conversation again: not ours, unknown or ended. */
  | "gone";

/** Who is told what comes over a connection. */
export interface Listener {
  /** The conversation is open. `expiresAt` is null where nobody says it. */
  opened(lastNumber: number, expiresAt: string | null): void;
  heard(frame: Frame): void;
  /** Nothing more will come. */
  lost(why: Loss): void;
}

/** One connection to the service, however it is made. It tells nothing any more once closed. */
export interface Carrier {
  /** Say something; false if it cannot be said now, or not over this connection. */
  say(said: Said): boolean;
  close(): void;
}

export type Way = (hello: Hello, listener: Listener) => Carrier;
