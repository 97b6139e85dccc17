import { SHOP } from "../shop";
import { Mark, Pencil } from "./icons";

export function Masthead({ startOver }: { startOver: () => void }) {
  return (
    <header class="masthead">
      <div class="column masthead-row">
        <Mark />
        <div class="masthead-name">
          <h1>{SHOP.name}</h1>
          <p>{SHOP.trade}</p>
        </div>
        <button type="button" class="masthead-button" onClick={startOver}>
          <Pencil />
          <span>New conversation</span>
        </button>
      </div>
      <p class="column demonstration">A demonstration with a fictional shop.</p>
      <svg class="shore" viewBox="0 0 1440 24" preserveAspectRatio="none" aria-hidden="true">
        <path class="shore-far" d="M0 10c180 12 300 12 480 4s320-12 500-2 300 10 460-2v14H0z" />
        <path class="shore-near" d="M0 18c160-9 320-10 480-3s300 9 470 1 330-8 490 1v7H0z" />
      </svg>
    </header>
  );
}
