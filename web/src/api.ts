import { problemOf, problemOfFailure } from "./problem";
import type { Answer, MessagePage, NewMessage, NewSession, StoredMessage } from "./wire";

const PAGE_SIZE = 100;
const READ_TIMEOUT_MS = 20_000;
/** A message waits for its turn and for the whole answer. */
const TURN_TIMEOUT_MS = 120_000;

/** The calls of the page; the secret travels beside them in a cookie that scripts cannot read. */
export interface ChatApi {
  open(): Promise<string>;
  send(sessionId: string, message: NewMessage): Promise<Answer>;
  /** All messages of a conversation, oldest first. */
  history(sessionId: string): Promise<StoredMessage[]>;
}

export function connectApi(): ChatApi {
  return { open, send, history };
}

async function open(): Promise<string> {
  const session = await call<NewSession>("/v1/chat/sessions", posting({}, READ_TIMEOUT_MS));
  return session.session_id;
}

function send(sessionId: string, message: NewMessage): Promise<Answer> {
  return call<Answer>(messagesOf(sessionId), posting(message, TURN_TIMEOUT_MS));
}

async function history(sessionId: string): Promise<StoredMessage[]> {
  const all: StoredMessage[] = [];
  let more = true;
  while (more) {
    const after = all.at(-1)?.number ?? 0;
    const page = await pageOf(sessionId, after);
    all.push(...page.messages);
    more = hasMore(page);
  }
  return all;
}

function pageOf(sessionId: string, after: number): Promise<MessagePage> {
  return call<MessagePage>(`${messagesOf(sessionId)}?after=${after}&limit=${PAGE_SIZE}`, {
    signal: AbortSignal.timeout(READ_TIMEOUT_MS),
  });
}

function hasMore({ messages, last_number }: MessagePage): boolean {
  const last = messages.at(-1);
  return last !== undefined && (messages.length >= PAGE_SIZE || last.number < last_number);
}

function messagesOf(sessionId: string): string {
  return `/v1/chat/sessions/${encodeURIComponent(sessionId)}/messages`;
}

function posting(body: object, timeoutMs: number): RequestInit {
  return {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(timeoutMs),
  };
}

async function call<Reply>(path: string, init: RequestInit): Promise<Reply> {
  const headers = { Accept: "application/json", ...init.headers };
  const response = await fetch(path, { ...init, headers, cache: "no-store" }).catch(giveUp);
  if (!response.ok) throw await problemOf(response);
  return (await response.json().catch(giveUp)) as Reply;
}

function giveUp(failure: unknown): never {
  throw problemOfFailure(failure);
}
