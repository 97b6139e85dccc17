import type { Conversation } from "../conversation";

/** Says each event once; the log itself stays silent, so that nothing is read twice. */
export function Announcer({ conversation }: { conversation: Conversation }) {
  const { text, count } = conversation.announcement.value;
  return (
    <div class="unseen" aria-live="polite" data-announcer="">
      <p key={count}>{text}</p>
    </div>
  );
}
