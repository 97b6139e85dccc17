import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Line } from "../line";
import { words } from "../words";
import { Cloud } from "./icons";
import type { ThenWrite } from "./Page";

/** Interruptions as short as this are nobody's concern. */
const CALM_MS = 1200;

interface Props {
  line: Line;
  thenWrite: ThenWrite;
}

/** Says how the connection is, when there is something to say. */
export function Banner({ line, thenWrite }: Props) {
  const shown = useSignal(false);
  const lost = line.state.value !== "open" && line.state.value !== "closed";
  useEffect(() => {
    if (!lost) {
      shown.value = false;
      return;
    }
    const timer = window.setTimeout(() => (shown.value = true), CALM_MS);
    return () => window.clearTimeout(timer);
  }, [lost]);
  return (
    <div role="status" class="column">
      {lost && shown.value && <Lost line={line} thenWrite={thenWrite} />}
    </div>
  );
}

function Lost({ line, thenWrite }: Props) {
  const { offline, reconnecting, messagesKept, tryNow } = words.value;
  return (
    <div class="banner">
      <Cloud />
      <p>
        <strong>{navigator.onLine ? reconnecting : offline}</strong> {messagesKept}
      </p>
      <button type="button" class="button" onClick={() => thenWrite(() => line.now())}>
        {tryNow}
      </button>
    </div>
  );
}
