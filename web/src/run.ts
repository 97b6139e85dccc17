import type { Delta, RunStarted, Source, TextKey } from "./wire";

/** An answer that is being made. */
export interface Run {
  id: string;
  /** The visitor's message that it answers. */
  messageId: string | null;
  state: "running" | "stopping" | "interrupted";
  status: TextKey;
  text: string;
  sources: readonly Source[];
  /** Why it was interrupted, in the service's words. */
  detail: string | null;
  /** Whether to send the message again can help. */
  retryable: boolean;
}

export function begun({ run_id, message_id }: RunStarted): Run {
  return {
    id: run_id,
    messageId: message_id ?? null,
    state: "running",
    status: "thinking",
    text: "",
    sources: [],
    detail: null,
    retryable: true,
  };
}

/** Put more of the text where it belongs; the service counts in code points. */
export function grown(run: Run, { offset, text }: Delta): Run {
  const kept = offset === 0 ? "" : [...run.text].slice(0, offset).join("");
  return { ...run, text: kept + text };
}
