import type { Chat } from "../chat";
import { words } from "../words";

/** What the visitor should know about the conversation as a whole. */
export function Notices({ chat }: { chat: Chat }) {
  const { restoring } = chat.current.value;
  const notice = chat.notice.value;
  return (
    <div role="status">
      {restoring.value && <p class="notice">{words.value.restoring}</p>}
      {notice !== null && <p class="notice">{words.value[notice]}</p>}
    </div>
  );
}
