import { useRef } from "preact/hooks";
import type { Chat } from "../chat";
import type { Storage } from "../storage";
import { chooseTheme, theme, THEMES } from "../theme";
import { chooseLanguage, language, LANGUAGES, words } from "../words";
import { Cross, Download, List } from "./icons";
import { momentOf } from "./Moment";
import type { ThenWrite } from "./Page";

interface Props {
  chat: Chat;
  settings: Storage;
  thenWrite: ThenWrite;
}

/** The browser's other conversations, and how the page looks; Escape or a click beside closes it. */
export function Menu({ chat, settings, thenWrite }: Props) {
  const panel = useRef<HTMLDivElement>(null);
  const close = () => panel.current?.hidePopover();
  const { menu } = words.value;
  return (
    <>
      <button type="button" class="masthead-button masthead-menu" popovertarget="menu">
        <List />
        <span class="unseen">{menu}</span>
      </button>
      <div
        id="menu"
        class="menu"
        popover="auto"
        ref={panel}
        role="dialog"
        aria-label={menu}
        tabIndex={-1}
        onToggle={(event) => event.newState === "open" && panel.current?.focus()}
      >
        <div class="menu-head">
          <h2>{words.value.earlier}</h2>
          <button type="button" class="plain-button" onClick={close}>
            <Cross />
            <span class="unseen">{words.value.close}</span>
          </button>
        </div>
        <Books chat={chat} goTo={(id) => thenWrite(() => (close(), chat.goTo(id)))} />
        <Transcript chat={chat} />
        <Choice
          name="language"
          legend={words.value.chooseLanguage}
          options={LANGUAGES.map(({ code, name }) => ({ value: code, label: name, lang: code }))}
          chosen={language.value}
          choose={(code) => chooseLanguage(code, settings)}
        />
        <Choice
          name="theme"
          legend={words.value.appearance}
          options={THEMES.map((value) => ({ value, label: words.value.themes[value] }))}
          chosen={theme.value}
          choose={(chosen) => chooseTheme(chosen, settings)}
        />
      </div>
    </>
  );
}

function Books({ chat, goTo }: { chat: Chat; goTo: (id: string) => void }) {
  const books = chat.shelf.books.value;
  const here = chat.current.value.id.value;
  if (books.length === 0) return <p class="menu-hint">{words.value.noneYet}</p>;
  return (
    <ul class="books">
      {books.map(({ id, title, at }) => (
        <li key={id}>
          <button
            type="button"
            class="book"
            aria-current={id === here ? "true" : undefined}
            onClick={() => goTo(id)}
          >
            <span class="book-title" dir="auto">
              {title || words.value.untitled}
            </span>
            <span class="book-time">{momentOf(new Date(at))}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}

function Transcript({ chat }: { chat: Chat }) {
  if (chat.current.value.entries.value.length === 0) return null;
  return (
    <button
      type="button"
      class="plain-button menu-action"
      onClick={() => keepTranscript(chat)}
    >
      <Download />
      {words.value.download}
    </button>
  );
}

export function keepTranscript(chat: Chat): void {
  void chat.transcript().then(keep);
}

function keep(file: Blob): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = `conversation-${new Date().toISOString().slice(0, 10)}.md`;
  link.click();
  URL.revokeObjectURL(link.href);
}

interface ChoiceProps<Value extends string> {
  name: string;
  legend: string;
  options: readonly { value: Value; label: string; lang?: string }[];
  chosen: Value;
  choose: (value: Value) => void;
}

function Choice<Value extends string>(props: ChoiceProps<Value>) {
  const { name, legend, options, chosen, choose } = props;
  return (
    <fieldset class="choice">
      <legend>{legend}</legend>
      <div class="choice-row">
        {options.map(({ value, label, lang }) => (
          <label key={value} class="option" lang={lang}>
            <input
              type="radio"
              name={name}
              value={value}
              checked={value === chosen}
              onChange={() => choose(value)}
            />
            <span>{label}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
