import { useSignal, type Signal } from "@preact/signals";
import type { RefObject } from "preact";
import { SHOP } from "../shop";
import { Person, Send } from "./icons";

const LIMIT = 8000;

interface Props {
  field: RefObject<HTMLTextAreaElement | null>;
  send: (text: string) => void;
}

export function Composer({ field, send }: Props) {
  const draft = useSignal("");
  const text = draft.value.trim();
  const length = [...text].length;
  const submit = (event: Event) => {
    event.preventDefault();
    if (text === "" || length > LIMIT) return field.current?.focus();
    draft.value = "";
    send(text);
  };
  return (
    <form class="composer" onSubmit={submit}>
      <div class="column">
        <div class="writing">
          <Field field={field} draft={draft} tooLong={length > LIMIT} submit={submit} />
          <button type="submit" class="send" disabled={text === ""}>
            <Send />
            <span class="unseen">Send</span>
          </button>
        </div>
        <LimitHint length={length} />
        <UnderWriting askForPerson={() => send(SHOP.personRequest)} />
      </div>
    </form>
  );
}

interface FieldProps {
  field: Props["field"];
  draft: Signal<string>;
  tooLong: boolean;
  submit: (event: Event) => void;
}

function Field({ field, draft, tooLong, submit }: FieldProps) {
  return (
    <>
      <label class="unseen" for="message">
        Your question
      </label>
      <textarea
        id="message"
        ref={field}
        rows={1}
        placeholder="Write your question"
        enterkeyhint="send"
        autocomplete="off"
        aria-describedby="composer-keys composer-limit"
        aria-invalid={tooLong}
        value={draft.value}
        onInput={(event) => (draft.value = event.currentTarget.value)}
        onKeyDown={(event) => sendsNow(event) && submit(event)}
      />
    </>
  );
}

function UnderWriting({ askForPerson }: { askForPerson: () => void }) {
  return (
    <div class="under-writing">
      <p id="composer-keys" class="keys">
        <kbd>Enter</kbd> sends, <kbd>Shift</kbd> + <kbd>Enter</kbd> starts a new line
      </p>
      <button type="button" class="person" onClick={askForPerson}>
        <Person />
        Talk to a person
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
  return (
    <div id="composer-limit">
      {length > LIMIT && (
        <p class="limit">
          <span role="alert">
            This is too long to send: a message has at most {LIMIT.toLocaleString("en")} characters.
          </span>
          <span aria-hidden="true">{length.toLocaleString("en")}</span>
        </p>
      )}
    </div>
  );
}
