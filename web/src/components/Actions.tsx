import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
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
  const { ended } = chat.current.value;
  const rate = (value: Rating) => {
    if (chat.current.value.rate(id, value)) chat.announce(value === "up" ? thanks : sorry);
  };
  return (
    <div class="actions" role="group" aria-label={aboutAnswer}>
      <CopyButton text={entry.content} chat={chat} />
      {!ended.value && (
        <>
          <Thumb pressed={entry.rating === "up"} label={helpful} press={() => rate("up")}>
            <ThumbUp />
          </Thumb>
          <Thumb pressed={entry.rating === "down"} label={unhelpful} press={() => rate("down")}>
            <ThumbDown />
          </Thumb>
        </>
      )}
    </div>
  );
}

interface ThumbProps {
  pressed: boolean;
  label: string;
  press: () => void;
  children: ComponentChildren;
}

function Thumb({ pressed, label, press, children }: ThumbProps) {
  return (
    <button type="button" class="action" aria-pressed={pressed} title={label} onClick={press}>
      {children}
      <span class="unseen">{label}</span>
    </button>
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
