import { useRef } from "preact/hooks";
import type { Conversation } from "../conversation";
import { Announcer } from "./Announcer";
import { Composer } from "./Composer";
import { Log } from "./Log";
import { Masthead } from "./Masthead";

export function Page({ conversation }: { conversation: Conversation }) {
  const field = useRef<HTMLTextAreaElement>(null);
  // The button that was pressed may be gone afterwards; the focus must not go with it.
  const thenWrite = (step: () => unknown) => {
    step();
    field.current?.focus();
  };
  return (
    <>
      <Masthead startOver={() => thenWrite(() => conversation.startOver())} />
      <main class="stage">
        <Log conversation={conversation} thenWrite={thenWrite} />
        <Composer field={field} send={(text) => thenWrite(() => conversation.send(text))} />
      </main>
      <Announcer conversation={conversation} />
    </>
  );
}
