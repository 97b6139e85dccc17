import type { Chat } from "../chat";
import { words } from "../words";
import { Download, Pencil } from "./icons";
import { keepTranscript } from "./Menu";
import type { ThenWrite } from "./Page";

/** The end of a conversation: what was said stays, and a new one is a step away. */
export function Ended({ chat, thenWrite }: { chat: Chat; thenWrite: ThenWrite }) {
  const { over, overReadable, fresh, download } = words.value;
  return (
    <section class="ended" aria-labelledby="ended">
      <h2 id="ended">{over}</h2>
      <p>{overReadable}</p>
      <div class="ended-steps">
        <button
          type="button"
          class="button button-first"
          onClick={() => thenWrite(() => chat.startOver())}
        >
          <Pencil />
          {fresh}
        </button>
        <button type="button" class="button" onClick={() => keepTranscript(chat)}>
          <Download />
          {download}
        </button>
      </div>
    </section>
  );
}
