import { language } from "../words";

/** Say the time of day, and the day unless it is today. */
export function Moment({ at }: { at: Date }) {
  return <time dateTime={at.toISOString()}>{momentOf(at)}</time>;
}

export function timeOf(at: Date): string {
  return format(at, { hour: "2-digit", minute: "2-digit" });
}

export function momentOf(at: Date): string {
  const time = timeOf(at);
  const today = at.toDateString() === new Date().toDateString();
  return today ? time : `${format(at, { day: "numeric", month: "short" })}, ${time}`;
}

/** The browser knows how its region writes times, if it speaks the language of the page. */
function format(at: Date, how: Intl.DateTimeFormatOptions): string {
  const regional = navigator.languages.find((tag) => tag.startsWith(language.value));
  return new Intl.DateTimeFormat(regional ?? language.value, how).format(at);
}
