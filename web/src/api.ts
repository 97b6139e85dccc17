import { named, Problem, problemOf, problemOfFailure } from "./problem";
import type { ConversationReply, Frame, GiveFeedback, MessageTold, SendMessage } from "./wire";

const TIMEOUT_MS = 20_000;
const BASE = "/v1/chat/sessions";

/** Messages in order; `last_number` numbers the newest item of the log, shown here or not. */
export interface Stretch {
  messages: readonly Omit<MessageTold, "type">[];
  last_number: number;
}

/** The calls beside the socket; the secret travels in a cookie that scripts cannot read. */
export interface ChatApi {
  /** Begin a conversation with somebody who reads this language, and give its name. */
  begin(language: string): Promise<string>;
  /** The conversation as Markdown. */
  transcript(sessionId: string): Promise<Blob>;
  read(sessionId: string, after: number): Promise<Stretch>;
  /** Follow the conversation; null is a sign of life. */
  stream(sessionId: string, after: number, stop: AbortSignal): AsyncIterable<Frame | null>;
  /** Say something; it takes as long as the answer. */
  send(sessionId: string, said: SendMessage, stop: AbortSignal): Promise<void>;
  /** Stop an answer; it does no harm where it is over. */
  stop(sessionId: string, runId: string): Promise<void>;
  rate(sessionId: string, given: GiveFeedback): Promise<void>;
  /** Use the conversation, that it may last; when it ends is given. */
  touch(sessionId: string): Promise<string>;
  /** Whether requests are answered at all. */
  answers(sessionId: string): Promise<boolean>;
}

export function connectApi(): ChatApi {
  return { begin, transcript, read, stream, send, stop, rate, touch, answers };
}

async function begin(language: string): Promise<string> {
  const response = await call(BASE, posted({ metadata: { language } }));
  const reply = (await response.json().catch(giveUp)) as ConversationReply;
  return reply.session_id;
}

async function transcript(sessionId: string): Promise<Blob> {
  const response = await call(`${pathOf(sessionId)}/transcript?format=markdown`, {});
  return response.blob().catch(giveUp);
}

async function read(sessionId: string, after: number): Promise<Stretch> {
  const response = await call(`${pathOf(sessionId)}/messages?after=${after}`, {});
  return (await response.json().catch(giveUp)) as Stretch;
}

async function* stream(
  sessionId: string,
  after: number,
  stop: AbortSignal,
): AsyncGenerator<Frame | null> {
  const path = `${pathOf(sessionId)}/stream?after=${after}`;
  const response = await call(path, { signal: stop, headers: { Accept: "text/event-stream" } });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  for (let kept = ""; ; ) {
    const { done, value } = await reader.read().catch(giveUp);
    if (done) return;
    const events = (kept + value).split("\n\n");
    kept = events.pop()!;
    yield* events.map(frameOf);
  }
}

async function send(sessionId: string, said: SendMessage, stop: AbortSignal): Promise<void> {
  const { client_message_id, text } = said;
  const body = posted({ message: text, client_message_id });
  await call(`${pathOf(sessionId)}/messages`, { ...body, signal: stop });
}

async function stop(sessionId: string, run_id: string): Promise<void> {
  await call(`${pathOf(sessionId)}/stop`, posted({ run_id }));
}

async function rate(sessionId: string, { message_id, value }: GiveFeedback): Promise<void> {
  await call(`${pathOf(sessionId)}/feedback`, posted({ message_id, value }));
}

async function touch(sessionId: string): Promise<string> {
  const response = await call(`${pathOf(sessionId)}/touch`, posted({}));
  const reply = (await response.json().catch(giveUp)) as { expires_at: string };
  return reply.expires_at;
}

async function answers(sessionId: string): Promise<boolean> {
  const outcome = await read(sessionId, 0).catch(named);
  return !(outcome instanceof Problem && outcome.passing);
}

function pathOf(sessionId: string): string {
  return `${BASE}/${encodeURIComponent(sessionId)}`;
}

function posted(body: object): RequestInit {
  return {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify(body),
  };
}

async function call(path: string, init: RequestInit): Promise<Response> {
  const signal = init.signal ?? AbortSignal.timeout(TIMEOUT_MS);
  const response = await fetch(path, { ...init, signal, cache: "no-store" }).catch(giveUp);
  if (!response.ok) throw await problemOf(response);
  return response;
}

function frameOf(event: string): Frame | null {
  const data = /^data: (.*)$/m.exec(event)?.[1];
  return data === undefined ? null : (JSON.parse(data) as Frame);
}

function giveUp(failure: unknown): never {
  throw problemOfFailure(failure);
}
