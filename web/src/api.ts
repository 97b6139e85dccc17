import { problemOf, problemOfFailure } from "./problem";
import type { ConversationReply } from "./wire";

const TIMEOUT_MS = 20_000;
const BASE = "/v1/chat/sessions";

/** The few calls beside the socket; the secret travels in a cookie that scripts cannot read. */
export interface ChatApi {
  /** Begin a conversation, and give its name. */
  begin(): Promise<string>;
  /** The conversation as Markdown. */
  transcript(sessionId: string): Promise<Blob>;
}

export function connectApi(): ChatApi {
  return { begin, transcript };
}

async function begin(): Promise<string> {
  const response = await call(BASE, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: "{}",
  });
  const reply = (await response.json().catch(giveUp)) as ConversationReply;
  return reply.session_id;
}

async function transcript(sessionId: string): Promise<Blob> {
  const path = `${BASE}/${encodeURIComponent(sessionId)}/transcript?format=markdown`;
  const response = await call(path, {});
  return response.blob().catch(giveUp);
}

async function call(path: string, init: RequestInit): Promise<Response> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const response = await fetch(path, { ...init, signal, cache: "no-store" }).catch(giveUp);
  if (!response.ok) throw await problemOf(response);
  return response;
}

function giveUp(failure: unknown): never {
  throw problemOfFailure(failure);
}
