import type { Conversation } from "../conversation";

/** Says each event once; the log itself stays silent, so that nothing is read twice. */
export function Announcer({ conversation }: { conversation: Conversation }) {
  return (
    <div class="unseen" aria-live="polite" aria-atomic="true" data-announcer="">
      {conversation.announcement}
    </div>
  );
}
