import type { Entry } from "../entry";

const WORDS = { sending: "Sending…", sent: "Sent" } as const;

/** What became of an own message, and the way out when it failed. */
export function Delivery({ entry, retry }: { entry: Entry; retry: () => void }) {
  if (entry.delivery !== "failed") return <p class="delivery">{WORDS[entry.delivery]}</p>;
  return (
    <div class="failed">
      <p role="alert">
        <strong>Not answered.</strong> {entry.problem}
      </p>
      <button type="button" class="button" onClick={retry}>
        Retry
      </button>
    </div>
  );
}
