import { computed, effect, signal } from "@preact/signals";
import type { Storage } from "../storage";
import { DE } from "./de";
import { EN } from "./en";

export type Words = typeof EN;

const ALL = { en: EN, de: DE };
export type Language = keyof typeof ALL;
export const LANGUAGES = Object.entries(ALL).map(([code, { language }]) => ({
  code: code as Language,
  name: language,
}));
const KEY = "language";

export const language = signal<Language>("en");
export const words = computed<Words>(() => ALL[language.value]);

/** Speak the language that was chosen here, or the first of the browser's that is known. */
export function openLanguage(browser: Storage): void {
  const asked = [browser.read<string>(KEY), ...navigator.languages].map((tag) => tag?.slice(0, 2));
  language.value = asked.find(isKnown) ?? "en";
  effect(() => {
    document.documentElement.lang = language.value;
    document.title = words.value.title;
  });
}

export function chooseLanguage(code: Language, browser: Storage): void {
  language.value = code;
  browser.write(KEY, code);
}

/** Tell a problem in the visitor's language; the service's own words are English. */
export function explained(problem: string | null): string {
  const [code = "", detail = ""] = (problem ?? "").split("\n");
  const { problems, problem: unknown } = words.value;
  return problems[code] ?? (language.value === "en" && detail ? detail : unknown);
}

/** Tell why there is no answer, as far as that is known. */
export function reasonOf(detail: string | null): string {
  const { interrupted, reasons } = words.value;
  return reasons[detail ?? ""] ?? (language.value === "en" && detail ? detail : interrupted);
}

function isKnown(code: string | undefined): code is Language {
  return code !== undefined && code in ALL;
}
