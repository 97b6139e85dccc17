import type { RefObject } from "preact";
import { useRef } from "preact/hooks";
import type { Chat } from "../chat";
import type { Draft } from "../draft";
import { language, words } from "../words";
import { Person, Send, Stop } from "./icons";
import type { ThenWrite } from "./Page";

const LIMIT = 8000;
/** Whoever has not touched a key for so long does not write any more. */
const IDLE_MS = 3000;

interface Props {
  field: RefObject<HTMLTextAreaElement | null>;
  chat: Chat;
  thenWrite: ThenWrite;
}

export function Composer({ field, chat, thenWrite }: Props) {
  const { draft } = chat.current.value;
  const typing = useTyping(chat);
  const text = draft.text.value.trim();
  const length = [...text].length;
  const submit = (event: Event) => {
    event.preventDefault();
    if (text === "" || length > LIMIT) return field.current?.focus();
    draft.write("");
    typing(false);
    thenWrite(() => chat.send(text));
  };
  return (
    <form class="composer" onSubmit={submit}>
      <div class="column">
        <div class="writing">
          <Field
            field={field}
            draft={draft}
            tooLong={length > LIMIT}
            typing={typing}
            submit={submit}
          />
          <StopButton chat={chat} thenWrite={thenWrite} />
          {(text !== "" || !stoppable(chat)) && (
            <button type="submit" class="send" disabled={text === ""}>
              <Send />
              <span class="unseen">{words.value.send}</span>
            </button>
          )}
        </div>
        <LimitHint length={length} />
        <UnderWriting
          askForPerson={() => thenWrite(() => chat.send(words.value.personRequest))}
        />
      </div>
    </form>
  );
}

/** Let the others know when writing begins and when it has stopped. */
function useTyping(chat: Chat): (on: boolean) => void {
  const timer = useRef(0);
  return (on) => {
    const conversation = chat.current.value;
    const before = timer.current;
    window.clearTimeout(before);
    timer.current = 0;
    if (on !== (before !== 0)) conversation.types(on);
    if (!on) return;
    timer.current = window.setTimeout(() => {
      timer.current = 0;
      conversation.types(false);
    }, IDLE_MS);
  };
}

interface FieldProps {
  field: Props["field"];
  draft: Draft;
  tooLong: boolean;
  typing: (on: boolean) => void;
  submit: (event: Event) => void;
}

function Field({ field, draft, tooLong, typing, submit }: FieldProps) {
  return (
    <>
      <label class="unseen" for="message">
        {words.value.question}
      </label>
      <textarea
        id="message"
        ref={field}
        rows={1}
        dir="auto"
        placeholder={words.value.placeholder}
        enterkeyhint="send"
        autocomplete="off"
        aria-describedby="composer-keys composer-limit"
        aria-invalid={tooLong}
        value={draft.text.value}
        onInput={(event) => {
          draft.write(event.currentTarget.value);
          typing(draft.text.value !== "");
        }}
        onKeyDown={(event) => sendsNow(event) && submit(event)}
      />
    </>
  );
}

/** Whether there is an answer that can be stopped; then there is a button more. */
function stoppable(chat: Chat): boolean {
  const { run } = chat.current.value;
  return run.value !== null && run.value.state !== "interrupted";
}

function StopButton({ chat, thenWrite }: Omit<Props, "field">) {
  if (!stoppable(chat)) return null;
  const state = chat.current.value.run.value?.state;
  const { stop, stopping } = words.value;
  const label = state === "running" ? stop : stopping;
  return (
    <button
      type="button"
      class="send stop"
      title={label}
      aria-disabled={state === "stopping"}
      onClick={() => thenWrite(() => chat.current.value.stop())}
    >
      <Stop />
      <span class="unseen">{label}</span>
    </button>
  );
}

function UnderWriting({ askForPerson }: { askForPerson: () => void }) {
  return (
    <div class="under-writing">
      <p id="composer-keys" class="keys">
        {words.value.keys.map((part, index) => (index % 2 === 0 ? <kbd>{part}</kbd> : part))}
      </p>
      <button type="button" class="person" onClick={askForPerson}>
        <Person />
        {words.value.person}
      </button>
    </div>
  );
}

/** Enter sends, unless it confirms a word of an input method (229 is how Safari says so). */
function sendsNow(event: KeyboardEvent): boolean {
  const composing = event.isComposing || event.keyCode === 229;
  const plain = !(event.shiftKey || event.ctrlKey || event.altKey || event.metaKey);
  return event.key === "Enter" && plain && !composing;
}

function LimitHint({ length }: { length: number }) {
  const counted = (count: number) => count.toLocaleString(language.value);
  return (
    <div id="composer-limit">
      {length > LIMIT && (
        <p class="limit">
          <span role="alert">{words.value.tooLong(counted(LIMIT))}</span>
          <span aria-hidden="true">{counted(length)}</span>
        </p>
      )}
    </div>
  );
}
