import type { Entry } from "../entry";
import { explained, reasonOf, words } from "../words";

/** What became of an own message; what went wrong is told at length under it. */
export function Delivery({ entry }: { entry: Entry }) {
  const { delivery } = entry;
  const { sending, waiting, sent } = words.value.delivery;
  const word = { sending, waiting, sent, failed: "", interrupted: sent, unanswered: sent }[delivery];
  return word ? <span class="delivery">{word}</span> : null;
}

/** Why a message got no answer, and the way to send it again. */
export function Failure({ entry, retry }: { entry: Entry; retry: () => void }) {
  const { notSent, unanswered, kept, instead, retry: again } = words.value;
  const { delivery, problem, clientId, retryable } = entry;
  if (delivery !== "failed" && delivery !== "interrupted" && delivery !== "unanswered") return null;
  const interrupted = delivery === "interrupted" ? reasonOf(problem) : "";
  return (
    <div class="failed">
      <p role="alert">
        <strong>{{ failed: notSent, interrupted, unanswered }[delivery]}</strong>{" "}
        {delivery === "failed" ? explained(problem) : kept}
        {!retryable && ` ${instead}`}
      </p>
      {retryable && clientId !== null && (
        <button type="button" class="button" onClick={retry}>
          {again}
        </button>
      )}
    </div>
  );
}
