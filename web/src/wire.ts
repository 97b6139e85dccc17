/** What travels between the page and the service; names as in the HTTP interface. */

export interface Source {
  title: string;
  content: string;
  uri: string;
  score: number;
  rank: number;
}

export type Role = "user" | "assistant" | "staff" | "system";

export interface NewSession {
  session_id: string;
}

export interface NewMessage {
  message: string;
  client_message_id: string;
}

export interface Answer {
  message_id: string;
  number: number;
  message: string;
  sources: Source[];
  requires_escalation: boolean;
  ticket_id?: string | null;
}

export interface StoredMessage {
  number: number;
  id: string;
  role: Role;
  content: string;
  at: string;
  sources?: Source[] | null;
  requires_escalation?: boolean;
  ticket_id?: string | null;
}

export interface MessagePage {
  messages: StoredMessage[];
  last_number: number;
}
