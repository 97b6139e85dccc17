import type { Entry } from "../entry";
import { Formatted } from "../format";
import type { Role } from "../wire";
import { Delivery, Failure } from "./Delivery";
import { HandedOver } from "./HandedOver";
import { Sources } from "./Sources";
import { Moment, momentOf } from "./Moment";

const NAMES: Record<Role, string> = {
  user: "You",
  assistant: "Assistant",
  staff: "Help desk",
  system: "Note",
};

interface Props {
  entry: Entry;
  tellsTicket: boolean;
  retry: () => void;
}

export function Message({ entry, tellsTicket, retry }: Props) {
  const { role, content, at, key } = entry;
  if (role === "system") return <p class="remark" data-key={key}>{content}</p>;
  return (
    <article class={`message from-${role}`} aria-label={`${NAMES[role]}, ${momentOf(at)}`} data-key={key}>
      <p class="byline">
        <span class="name">{NAMES[role]}</span>
        {role === "assistant" && <abbr class="badge" title="Answered automatically">AI</abbr>}
        <Moment at={at} />
        {role === "user" && <Delivery entry={entry} />}
      </p>
      <div class="bubble" dir="auto">
        {role === "user" ? <p>{content}</p> : <Formatted content={content} />}
      </div>
      {tellsTicket && <HandedOver ticketId={entry.ticketId} />}
      {entry.sources.length > 0 && <Sources sources={entry.sources} />}
      {entry.delivery === "failed" && <Failure problem={entry.problem} retry={retry} />}
    </article>
  );
}
