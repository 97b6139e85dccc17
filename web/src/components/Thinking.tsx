/** Seen, not announced: the announcer has said it once. */
export function Thinking() {
  return (
    <p class="thinking">
      <span class="dots" aria-hidden="true">
        <span />
        <span />
        <span />
      </span>
      Looking for an answer…
    </p>
  );
}
