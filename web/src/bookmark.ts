const KEY = "holdfast.chat.session";

/** Which conversation this browser was in. Only its name: the name alone opens nothing. */
export interface Bookmark {
  read(): string | null;
  write(sessionId: string | null): void;
  /** Call back when another tab of this browser moves to another conversation. */
  watch(moved: () => void): void;
}

/** Keep the bookmark in local storage, which may be refused (private windows, full disks). */
export function openBookmark(): Bookmark {
  let current: string | null = null;
  return {
    read: () => (current = attempt(() => localStorage.getItem(KEY)) ?? current),
    write(sessionId) {
      current = sessionId;
      attempt(() =>
        sessionId === null ? localStorage.removeItem(KEY) : localStorage.setItem(KEY, sessionId),
      );
    },
    watch(moved) {
      window.addEventListener("storage", (event) => {
        if (event.key !== KEY && event.key !== null) return;
        current = event.newValue;
        moved();
      });
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
