import { SHOP } from "../shop";
import { Arrow } from "./icons";
import { Seascape } from "./Seascape";

export function Welcome({ ask }: { ask: (question: string) => void }) {
  return (
    <section class="welcome" aria-labelledby="welcome">
      <Seascape />
      <h2 id="welcome">{SHOP.greeting}</h2>
      <p class="introduction">{SHOP.introduction}</p>
      <ul class="suggestions" aria-label="Suggested questions">
        {SHOP.suggestions.map((question) => (
          <li key={question}>
            <button type="button" class="suggestion" onClick={() => ask(question)}>
              <span>{question}</span>
              <Arrow />
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
