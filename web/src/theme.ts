import { effect, signal } from "@preact/signals";
import type { Storage } from "./storage";

const THEMES = ["auto", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];
const KEY = "theme";

export const theme = signal<Theme>("auto");
export { THEMES };

/** Show the page as it was chosen here, otherwise as the system does. */
export function openTheme(browser: Storage): void {
  const chosen = browser.read<Theme>(KEY);
  theme.value = THEMES.find((one) => one === chosen) ?? "auto";
  effect(() => {
    document.documentElement.dataset.theme = theme.value;
  });
}

export function chooseTheme(chosen: Theme, browser: Storage): void {
  theme.value = chosen;
  browser.write(KEY, chosen);
}
