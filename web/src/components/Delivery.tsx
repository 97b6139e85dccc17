import type { Entry } from "../entry";

const WORDS = { sending: "Sending…", sent: "Sent", failed: null } as const;

/** What became of an own message; a failure is told at length under it. */
export function Delivery({ entry }: { entry: Entry }) {
  const word = WORDS[entry.delivery];
  return word && <span class="delivery">{word}</span>;
}

/** Why a message got no answer, and the way to send it again. */
export function Failure({ problem, retry }: { problem: string | null; retry: () => void }) {
  return (
    <div class="failed">
      <p role="alert">
        <strong>Not answered.</strong> {problem}
      </p>
      <button type="button" class="button" onClick={retry}>
        Retry
      </button>
    </div>
  );
}
