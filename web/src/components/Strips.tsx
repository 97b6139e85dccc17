import type { Chat } from "../chat";
import type { Conversation } from "../conversation";
import { words } from "../words";
import { Hourglass, Person } from "./icons";
import { timeOf } from "./Moment";
import type { ThenWrite } from "./Page";

/** What holds for the conversation as a whole stays in sight above it. */
export function Strips({ chat, thenWrite }: { chat: Chat; thenWrite: ThenWrite }) {
  const conversation = chat.current.value;
  return (
    <>
      <div role="status" class="column">
        <Answerer conversation={conversation} />
      </div>
      <div role="alert" class="column">
        <EndsSoon conversation={conversation} thenWrite={thenWrite} />
      </div>
    </>
  );
}

/** Who answers, when it is not the assistant alone. */
function Answerer({ conversation }: { conversation: Conversation }) {
  const { withStaff, personAsked, ticket, meanwhile } = words.value;
  const staff = conversation.staff.value;
  const awaited = conversation.awaited.value;
  if (conversation.ended.value || (staff === null && awaited === null)) return null;
  const ticketId = awaited?.ticketId;
  return (
    <div class="strip">
      <Person />
      {staff === null ? (
        <p>
          <strong>{personAsked}</strong>{" "}
          {ticketId && (
            <>
              {ticket} <span class="ticket">{ticketId}.</span>{" "}
            </>
          )}
          {meanwhile}
        </p>
      ) : (
        <p>
          <strong>{withStaff(staff)}</strong>
        </p>
      )}
    </div>
  );
}

interface EndsSoonProps {
  conversation: Conversation;
  thenWrite: ThenWrite;
}

/** Said once, with the time of the end: a countdown would be said again and again. */
function EndsSoon({ conversation, thenWrite }: EndsSoonProps) {
  const { near, fixed } = conversation.expiry;
  if (near.value === null) return null;
  const { endsSoon, endsAnyway, stay } = words.value;
  const time = timeOf(near.value);
  return (
    <div class="strip">
      <Hourglass />
      <p>
        <strong>{fixed.value ? endsAnyway(time) : endsSoon(time)}</strong>
      </p>
      {!fixed.value && (
        <button
          type="button"
          class="button"
          onClick={() => thenWrite(() => conversation.stay())}
        >
          {stay}
        </button>
      )}
    </div>
  );
}
