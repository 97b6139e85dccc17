import { Fragment } from "preact";
import type { Chat } from "../chat";
import type { Entry } from "../entry";
import { words } from "../words";
import { Answering, Dots, Thinking } from "./Answering";
import { Arrow } from "./icons";
import { Message } from "./Message";
import { Notices } from "./Notices";
import type { ThenWrite } from "./Page";
import { Ended } from "./Ended";
import { useFollowing } from "./following";
import { Welcome } from "./Welcome";

interface Props {
  chat: Chat;
  thenWrite: ThenWrite;
}

/** `role="log"` for its name and kind; the announcer speaks in its place. */
export function Log({ chat, thenWrite }: Props) {
  const conversation = chat.current.value;
  const entries = conversation.entries.value;
  const empty = entries.length === 0 && !conversation.restoring.value;
  const following = useFollowing(conversation);
  return (
    <div class="log-place">
      <div
        class="log"
        role="log"
        aria-live="off"
        aria-label={words.value.conversation}
        tabIndex={0}
        ref={following.log}
        onScroll={following.scrolled}
      >
        <div class="column entries">
          <Notices chat={chat} />
          {empty && <Welcome ask={(question) => thenWrite(() => chat.send(question))} />}
          <Lines chat={chat} thenWrite={thenWrite} />
          <Under chat={chat} thenWrite={thenWrite} />
        </div>
      </div>
      {following.away.value && (
        <button type="button" class="newest" onClick={following.toNewest}>
          <Arrow />
          <span class="unseen">{words.value.newest}</span>
        </button>
      )}
    </div>
  );
}

/** The messages; the answer that is being made stands under its question. */
function Lines({ chat, thenWrite }: Props) {
  const { entries, run } = chat.current.value;
  const going = run.value;
  const asked = entries.value.find(({ id }) => id !== null && id === going?.messageId) ?? null;
  const again = (entry: Entry) => thenWrite(() => chat.retry(entry));
  const answering = going && (
    <Answering
      key={`run-${going.id}`}
      run={going}
      asked={asked}
      retry={() => asked && again(asked)}
    />
  );
  return (
    <>
      {entries.value.map((entry) => (
        <Fragment key={entry.key}>
          <Message
            entry={entry}
            chat={chat}
            retry={() => again(entry)}
          />
          {entry === asked && answering}
        </Fragment>
      ))}
      {asked === null && answering}
    </>
  );
}

/** What is to come, and what has come to an end. */
function Under({ chat, thenWrite }: Props) {
  const { busy, run, line, othersType, staff, awaited, ended } = chat.current.value;
  // Where nobody else was asked for, it is the visitor who writes, in another tab.
  const theyType = othersType.value && (staff.value !== null || awaited.value !== null);
  const thinking = busy.value && run.value === null && line.state.value === "open";
  return (
    <>
      {thinking && <Thinking status="thinking" />}
      {theyType && (
        <p class="thinking">
          <Dots />
          {words.value.othersType(staff.value ?? "")}
        </p>
      )}
      {ended.value && <Ended chat={chat} thenWrite={thenWrite} />}
    </>
  );
}
