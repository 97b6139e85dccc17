import type { Chat } from "../chat";
import type { Entry } from "../entry";
import { Formatted } from "../format";
import { words } from "../words";
import { Actions } from "./Actions";
import { Delivery, Failure } from "./Delivery";
import { Moment, momentOf } from "./Moment";
import { Sources } from "./Sources";

interface Props {
  entry: Entry;
  chat: Chat;
  retry: () => void;
}

export function Message({ entry, chat, retry }: Props) {
  const { role, content, at, key } = entry;
  if (role === "system") return <p class="remark" data-key={key}>{content}</p>;
  const name = nameOf(entry);
  return (
    <article class={`message from-${role}`} aria-label={`${name}, ${momentOf(at)}`} data-key={key}>
      <Byline entry={entry} />
      <div class="bubble" dir="auto">
        {role === "user" ? <p>{content}</p> : <Formatted content={content} />}
      </div>
      {entry.sources.length > 0 && <Sources sources={entry.sources} />}
      {role === "assistant" && <Actions entry={entry} chat={chat} />}
      {entry.delivery !== "interrupted" && <Failure entry={entry} retry={retry} />}
    </article>
  );
}

function Byline({ entry }: { entry: Entry }) {
  const { stopped } = words.value;
  return (
    <p class="byline">
      <span class="name">{nameOf(entry)}</span>
      {entry.role === "assistant" && <Badge />}
      <Moment at={entry.at} />
      {entry.role === "user" && <Delivery entry={entry} />}
      {entry.stopped && <span class="delivery">{stopped}</span>}
    </p>
  );
}

function nameOf({ name, role }: Entry): string {
  return name ?? words.value.roles[role];
}

export function Badge() {
  return (
    <abbr class="badge" title={words.value.aiTitle}>
      {words.value.aiBadge}
    </abbr>
  );
}
