import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Line } from "../line";
import { words } from "../words";
import { Cloud } from "./icons";

/** Interruptions as short as this are nobody's concern. */
const CALM_MS = 1200;

/** Says how the connection is, when there is something to say. */
export function Banner({ line }: { line: Line }) {
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
    <div role="status" class="banner-place">
      {lost && shown.value && <Lost line={line} />}
    </div>
  );
}

function Lost({ line }: { line: Line }) {
  const { offline, reconnecting, messagesKept, tryNow } = words.value;
  return (
    <div class="banner">
      <div class="column">
        <Cloud />
        <p>
          <strong>{navigator.onLine ? reconnecting : offline}</strong> {messagesKept}
        </p>
        <button type="button" class="button" onClick={() => line.now()}>
          {tryNow}
        </button>
      </div>
    </div>
  );
}
