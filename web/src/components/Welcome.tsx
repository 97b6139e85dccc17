import { ARTICLES, SUGGESTIONS } from "../shop";
import { words } from "../words";
import { Arrow } from "./icons";
import { Seascape } from "./Seascape";

export function Welcome({ ask }: { ask: (question: string) => void }) {
  const { shop, suggested } = words.value;
  return (
    <section class="welcome" aria-labelledby="welcome">
      <Seascape />
      <h2 id="welcome">{shop.greeting}</h2>
      <p class="introduction">{shop.introduction}</p>
      <ul class="suggestions" aria-label={suggested}>
        {SUGGESTIONS.map((question) => (
          <li key={question}>
            <button type="button" class="suggestion" lang={ARTICLES} onClick={() => ask(question)}>
              <span dir="auto">{question}</span>
              <Arrow />
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
