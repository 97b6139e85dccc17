import type { Chat } from "../chat";
import type { Conversation } from "../conversation";
import { words } from "../words";
import { Hourglass, Person } from "./icons";
import { timeOf } from "./Moment";

/** What holds for the conversation as a whole stays in sight above it. */
export function Strips({ chat }: { chat: Chat }) {
  const conversation = chat.current.value;
  return (
    <>
      <div role="status">
        <Answerer conversation={conversation} />
      </div>
      <div role="alert">
        <EndsSoon conversation={conversation} />
      </div>
    </>
  );
}

/** Who answers, when it is not the assistant alone. */
function Answerer({ conversation }: { conversation: Conversation }) {
  const { owner, awaited, ended } = conversation;
  const { withStaff, personAsked, meanwhile } = words.value;
  if (ended.value) return null;
  const staff = owner.value?.kind === "staff" ? owner.value.name : null;
  if (staff === null && awaited.value === null) return null;
  return (
    <div class="strip">
      <div class="column">
        <Person />
        <p dir="auto">
          <strong>{staff === null ? personAsked : withStaff(staff)}</strong>
          {staff === null && <> {meanwhile(awaited.value?.ticketId ?? null)}</>}
        </p>
      </div>
    </div>
  );
}

/** Said once, with the time of the end: a countdown would be said again and again. */
function EndsSoon({ conversation }: { conversation: Conversation }) {
  const { near, fixed } = conversation.expiry;
  if (near.value === null) return null;
  const { endsSoon, endsAnyway, stay } = words.value;
  const time = timeOf(near.value);
  return (
    <div class="strip">
      <div class="column">
        <Hourglass />
        <p>
          <strong>{fixed.value ? endsAnyway(time) : endsSoon(time)}</strong>
        </p>
        {!fixed.value && (
          <button type="button" class="button" onClick={() => conversation.stay()}>
            {stay}
          </button>
        )}
      </div>
    </div>
  );
}
