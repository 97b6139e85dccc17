import { words } from "../words";
import { Arrow } from "./icons";
import { Seascape } from "./Seascape";

export function Welcome({ ask }: { ask: (question: string) => void }) {
  const { shop, suggested, suggestions } = words.value;
  return (
    <section class="welcome" aria-labelledby="welcome">
      <Seascape />
      <h2 id="welcome">{shop.greeting}</h2>
      <p class="introduction">{shop.introduction}</p>
      <ul class="suggestions" aria-label={suggested}>
        {suggestions.map((question) => (
          <li key={question}>
            <button type="button" class="suggestion" onClick={() => ask(question)}>
              <span dir="auto">{question}</span>
              <Arrow />
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
