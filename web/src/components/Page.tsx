import { useRef } from "preact/hooks";
import type { Chat } from "../chat";
import type { Storage } from "../storage";
import { Announcer } from "./Announcer";
import { Banner } from "./Banner";
import { Composer } from "./Composer";
import { Log } from "./Log";
import { Masthead } from "./Masthead";
import { Strips } from "./Strips";

export function Page({ chat, settings }: { chat: Chat; settings: Storage }) {
  const field = useRef<HTMLTextAreaElement>(null);
  // The button that was pressed may be gone afterwards; the focus must not go with it.
  const thenWrite = (step: () => unknown) => {
    step();
    field.current?.focus();
  };
  return (
    <>
      <Masthead chat={chat} settings={settings} thenWrite={thenWrite} />
      <main class="stage">
        <Banner line={chat.current.value.line} thenWrite={thenWrite} />
        <Strips chat={chat} thenWrite={thenWrite} />
        <Log chat={chat} thenWrite={thenWrite} />
        <Composer field={field} chat={chat} thenWrite={thenWrite} />
      </main>
      <Announcer announcement={chat.announcement.value} />
    </>
  );
}

/** Take a step, and have the visitor write on. */
export type ThenWrite = (step: () => unknown) => void;
