import type { Conversation } from "../conversation";

interface Props {
  conversation: Conversation;
  thenWrite: (step: () => unknown) => void;
}

/** What the visitor should know about the conversation as a whole. */
export function Notices({ conversation, thenWrite }: Props) {
  return (
    <>
      <div role="status">
        {conversation.restoring.value && <p class="notice">Opening your conversation…</p>}
        <MovedOn conversation={conversation} thenWrite={thenWrite} />
      </div>
      {conversation.restoreProblem.value !== null && (
        <div class="notice notice-problem">
          <p role="alert">
            <strong>Your conversation could not be opened.</strong> {conversation.restoreProblem}
          </p>
          <button
            type="button"
            class="button"
            onClick={() => thenWrite(() => conversation.restore())}
          >
            Try again
          </button>
        </div>
      )}
    </>
  );
}

function MovedOn({ conversation, thenWrite }: Props) {
  const notice = conversation.notice.value;
  if (notice === null) return null;
  const { text, earlier } = notice;
  return (
    <div class="notice">
      <p>{text}</p>
      {earlier !== null && (
        <button
          type="button"
          class="button"
          onClick={() => thenWrite(() => conversation.goBack(earlier))}
        >
          Go back to the earlier one
        </button>
      )}
    </div>
  );
}
