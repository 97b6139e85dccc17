import { useEffect, useRef } from "preact/hooks";
import type { Conversation } from "../conversation";
import type { Entries, Entry } from "../entry";
import { Message } from "./Message";
import { Notices } from "./Notices";
import { Thinking } from "./Thinking";
import { Welcome } from "./Welcome";

interface Props {
  conversation: Conversation;
  thenWrite: (step: () => unknown) => void;
}

/** `role="log"` for its name and kind; the announcer speaks in its place. */
export function Log({ conversation, thenWrite }: Props) {
  const entries = conversation.entries.value;
  const empty = entries.length === 0 && !conversation.restoring.value;
  const log = useNewestInView(entries);
  return (
    <div class="log" role="log" aria-live="off" aria-label="Conversation" tabIndex={0} ref={log}>
      <div class="column entries">
        <Notices conversation={conversation} thenWrite={thenWrite} />
        {empty && <Welcome ask={(question) => thenWrite(() => conversation.send(question))} />}
        {entries.map((entry, index) => (
          <Message
            key={entry.key}
            entry={entry}
            tellsTicket={firstOfTicket(entries, index)}
            retry={() => thenWrite(() => conversation.retry(entry.key))}
          />
        ))}
        {conversation.thinking.value && <Thinking />}
      </div>
    </div>
  );
}

/** A conversation has one ticket; it is told where it first appears. */
function firstOfTicket(entries: Entries, index: number): boolean {
  const { handedOver, ticketId } = entries[index]!;
  return handedOver && entries.findIndex((e) => e.handedOver && e.ticketId === ticketId) === index;
}

/** Bring each new entry, or one that failed, into view: a tall one by its beginning. */
function useNewestInView(entries: Entries) {
  const log = useRef<HTMLDivElement>(null);
  const shown = useRef<ReadonlySet<string>>(new Set());
  useEffect(() => {
    const before = shown.current;
    shown.current = new Set(entries.map(stateOf));
    const newest = entries.findLast((entry) => !before.has(stateOf(entry)));
    if (newest && log.current) show(log.current, newest, before.size === 0);
  }, [entries]);
  return log;
}

function stateOf({ key, delivery }: Entry): string {
  return delivery === "failed" ? `${key} failed` : key;
}

function show(log: HTMLElement, entry: Entry, atOnce: boolean): void {
  log
    .querySelector(`[data-key="${CSS.escape(entry.key)}"]`)
    ?.scrollIntoView({ block: "start", behavior: atOnce ? "instant" : "auto" });
}
