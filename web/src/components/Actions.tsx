import { useSignal } from "@preact/signals";
import type { Chat } from "../chat";
import type { Entry } from "../entry";
import type { Rating } from "../wire";
import { words } from "../words";
import { Check, Copy, ThumbDown, ThumbUp } from "./icons";

const SHOWN_MS = 2000;

/** What can be done with an answer: copy it, and say whether it helped. */
export function Actions({ entry, chat }: { entry: Entry; chat: Chat }) {
  const { aboutAnswer, helpful, unhelpful, thanks, sorry } = words.value;
  const id = entry.id;
  if (id === null) return null;
  const given = chat.current.value.ratings.value[id];
  const rate = (value: Rating) => {
    if (chat.current.value.rate(id, value)) chat.announce(value === "up" ? thanks : sorry);
  };
  return (
    <div class="actions" role="group" aria-label={aboutAnswer}>
      <CopyButton text={entry.content} chat={chat} />
      <button
        type="button"
        class="action"
        aria-pressed={given === "up"}
        title={helpful}
        onClick={() => rate("up")}
      >
        <ThumbUp />
        <span class="unseen">{helpful}</span>
      </button>
      <button
        type="button"
        class="action"
        aria-pressed={given === "down"}
        title={unhelpful}
        onClick={() => rate("down")}
      >
        <ThumbDown />
        <span class="unseen">{unhelpful}</span>
      </button>
    </div>
  );
}

function CopyButton({ text, chat }: { text: string; chat: Chat }) {
  const done = useSignal(false);
  const { copy, copied } = words.value;
  // Pages that came over plain HTTP have no clipboard.
  if (!navigator.clipboard) return null;
  const take = async () => {
    await navigator.clipboard.writeText(text);
    done.value = true;
    chat.announce(copied);
    window.setTimeout(() => (done.value = false), SHOWN_MS);
  };
  return (
    <button type="button" class="action" title={copy} onClick={() => void take()}>
      {done.value ? <Check /> : <Copy />}
      <span class="unseen">{copy}</span>
    </button>
  );
}
