import type { Chat } from "../chat";
import type { Storage } from "../storage";
import { words } from "../words";
import { Mark, Pencil } from "./icons";
import { Menu } from "./Menu";
import type { ThenWrite } from "./Page";

interface Props {
  chat: Chat;
  settings: Storage;
  thenWrite: ThenWrite;
}

export function Masthead({ chat, settings, thenWrite }: Props) {
  const { shop, fresh } = words.value;
  return (
    <header class="masthead">
      <div class="column masthead-row">
        <Mark />
        <div class="masthead-name">
          <h1>{shop.name}</h1>
          <p>{shop.trade}</p>
        </div>
        <button
          type="button"
          class="masthead-button"
          onClick={() => thenWrite(() => chat.startOver())}
        >
          <Pencil />
          <span>{fresh}</span>
        </button>
        <Menu chat={chat} settings={settings} thenWrite={thenWrite} />
      </div>
      <p class="column demonstration">{shop.demonstration}</p>
      <svg class="shore" viewBox="0 0 1440 24" preserveAspectRatio="none" aria-hidden="true">
        <path class="shore-far" d="M0 10c180 12 300 12 480 4s320-12 500-2 300 10 460-2v14H0z" />
        <path class="shore-near" d="M0 18c160-9 320-10 480-3s300 9 470 1 330-8 490 1v7H0z" />
      </svg>
    </header>
  );
}
