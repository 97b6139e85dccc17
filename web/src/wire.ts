/** What travels between the page and the service.
 *
 * Written by `python -m tools.wire_types` from the service's own models: do not edit.
 */

export type Role = "user" | "assistant" | "staff" | "system";

export type TextKey = "thinking" | "searching" | "reading" | "writing";

export type Rating = "up" | "down";

export type Outcome = "answered" | "declined" | "clarifying" | "talk" | "handed_over" | "stopped";

/** A passage that an answer cites as `[rank]`. `score` compares sources of one answer only. */
export interface Source {
  title: string;
  content: string;
  uri: string;
  score: number;
  rank: number;
}

/** What was spent on one kind of thing, in how many purchases. */
export interface Purchased {
  category: string;
  item?: string;
  amount: number;
  times: number;
}

/** A new conversation; a browser gets the secret in a cookie instead. */
export interface ConversationReply {
  session_id: string;
  session_secret?: string;
}

/** The first frame: which conversation, what opens it, and what was read of it already. */
export interface Hello {
  type: "hello";
  session_id: string;
  session_secret?: string;
  ticket?: string;
  last_number?: number;
  tab_id?: string;
}

/** Something that the visitor says; sent again under the same id it is the same message. */
export interface SendMessage {
  type: "message.send";
  client_message_id: string;
  text: string;
  attachment_ids?: string[];
}

/** Stop a run; what was told of its answer is kept. */
export interface CancelRun {
  type: "run.cancel";
  run_id: string;
}

/** The visitor writes, or has stopped writing; told to the visitor's other tabs as `typing`. */
export interface Typing {
  type: "typing";
  on: boolean;
}

/** Feedback over a socket. */
export interface GiveFeedback {
  type: "feedback";
  message_id: string;
  value: Rating;
  reason?: string;
}

/** A sign of life, answered with `pong`; `stay` has the conversation last as if it were used. */
export interface Ping {
  type: "ping";
  stay?: boolean;
}

export type Said = SendMessage | CancelRun | Typing | GiveFeedback | Ping;

/** The answer to `hello`. Everything after the client's `last_number` follows. */
export interface Welcome {
  type: "welcome";
  session_id: string;
  last_number: number;
  expires_at: string;
  heartbeat_seconds: number;
}

/** A message is stored. `duplicate` says that it had been stored before. */
export interface Ack {
  type: "ack";
  client_message_id: string;
  message_id: string;
  number: number;
  duplicate: boolean;
}

/** A message of the conversation, whoever wrote it; told once, in the order of `number`. */
export interface MessageTold {
  type: "message";
  number: number;
  id: string;
  role: Role;
  content: string;
  at: string;
  sources: Source[];
  attachments: string[];
  client_message_id?: string;
  reply_to?: string;
  requires_escalation?: boolean;
  ticket_id?: string;
  confidence?: number;
  outcome?: Outcome;
  name?: string;
  rating?: Rating;
}

/** An answer to the visitor's message `message_id` is being made. */
export interface RunStarted {
  type: "run.started";
  run_id: string;
  request_id?: string;
  message_id?: string;
}

/** What the run does now; the client has the words for it. */
export interface Status {
  type: "status";
  run_id: string;
  text_key: TextKey;
}

/** The sources of the answer that is being made, all of them. */
export interface Sources {
  type: "sources";
  run_id: string;
  sources: Source[];
}

/** More of the answer that is being made. */
export interface Delta {
  type: "delta";
  run_id: string;
  offset: number;
  text: string;
}

/** A run is over; its answer is message `number`, told before this. */
export interface RunFinished {
  type: "run.finished";
  run_id: string;
  number: number;
  cost?: number;
  budget_remaining?: number;
  items?: Purchased[];
}

/** A run ended without an answer. */
export interface RunInterrupted {
  type: "run.interrupted";
  run_id: string;
  retryable: boolean;
  message_id?: string;
  detail?: string;
}

/** The conversation was handed to a person. */
export interface Escalated {
  type: "escalated";
  ticket_id: string;
  reasons: string[];
}

/** Who answers: the agent, or a person who answered last. Told at first, and on a change. */
export interface Owner {
  type: "owner";
  kind: "agent" | "staff";
  name: string;
}

/** Somebody else writes, or has stopped writing. A hint: it may be lost. */
export interface TypingTold {
  type: "typing";
  on: boolean;
}

/** The answer to `ping`: the conversation is there until `expires_at`, unless it is used. */
export interface Pong {
  type: "pong";
  expires_at: string;
}

/** Something that was said cannot be done; the socket stays usable. */
export interface Error {
  type: "error";
  code: string;
  detail: string;
  retryable: boolean;
  client_message_id?: string;
}

export type Frame =
  | Welcome
  | Ack
  | MessageTold
  | RunStarted
  | Status
  | Sources
  | Delta
  | RunFinished
  | RunInterrupted
  | Escalated
  | Owner
  | TypingTold
  | Pong
  | Error;
