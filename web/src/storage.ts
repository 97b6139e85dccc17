/** A place of the browser that keeps texts, and may refuse to (private windows, full disks). */
export interface Storage {
  read<Value>(key: string): Value | null;
  write(key: string, value: unknown): void;
  remove(key: string): void;
  /** Call back when another tab of this browser has written the key; what is given back ends it. */
  watch(key: string, moved: () => void): () => void;
}

const PREFIX = "holdfast.chat.";

/** Everything kept here is readable by scripts: names and texts, never a secret. */
export function openStorage(place: () => globalThis.Storage): Storage {
  const kept = new Map<string, string>();
  return {
    read<Value>(key: string) {
      const text = attempt(() => place().getItem(PREFIX + key)) ?? kept.get(key) ?? null;
      return parsed<Value>(text);
    },
    write(key, value) {
      const text = JSON.stringify(value);
      kept.set(key, text);
      attempt(() => place().setItem(PREFIX + key, text));
    },
    remove(key) {
      kept.delete(key);
      attempt(() => place().removeItem(PREFIX + key));
    },
    watch(key, moved) {
      const heard = (event: StorageEvent) => {
        if (event.key !== PREFIX + key && event.key !== null) return;
        kept.delete(key);
        moved();
      };
      window.addEventListener("storage", heard);
      return () => window.removeEventListener("storage", heard);
    },
  };
}

function attempt<Value>(step: () => Value): Value | null {
  try {
    return step();
  } catch (refusal) {
    if (refusal instanceof DOMException) return null;
    throw refusal;
  }
}

function parsed<Value>(text: string | null): Value | null {
  try {
    return text === null ? null : (JSON.parse(text) as Value);
  } catch (refusal) {
    if (refusal instanceof SyntaxError) return null;
    throw refusal;
  }
}
