import { answerKey, type Entry } from "../entry";
import { Formatted } from "../format";
import type { Run } from "../run";
import { words } from "../words";
import { Failure } from "./Delivery";
import { Badge } from "./Message";
import { Sources } from "./Sources";

interface Props {
  run: Run;
  /** The message that it answers, if the page has it. */
  asked: Entry | null;
  retry: () => void;
}

/**
 * An answer while it is being made. Seen, not announced: the finished answer takes its place and
 * is said once.
 */
export function Answering({ run, asked, retry }: Props) {
  const name = words.value.roles.assistant;
  const going = run.state !== "interrupted";
  return (
    <article
      class="message from-assistant answering"
      aria-label={name}
      aria-busy={going}
      data-key={answerKey(run.messageId ?? run.id)}
    >
      <p class="byline">
        <span class="name">{name}</span>
        <Badge />
      </p>
      {run.text !== "" && (
        <div class={going ? "bubble growing" : "bubble broken"} dir="auto">
          <Formatted content={run.text} />
        </div>
      )}
      {going && run.text === "" && <Thinking status={run.status} />}
      {run.sources.length > 0 && <Sources sources={run.sources} />}
      {asked?.delivery === "interrupted" && <Failure entry={asked} retry={retry} />}
    </article>
  );
}

export function Thinking({ status }: { status: Run["status"] }) {
  return (
    <p class="thinking">
      <Dots />
      {words.value.status[status]}
    </p>
  );
}

export function Dots() {
  return (
    <span class="dots" aria-hidden="true">
      <span />
      <span />
      <span />
    </span>
  );
}
