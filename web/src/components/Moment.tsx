const TIME = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

export function Moment({ at }: { at: Date }) {
  return <time dateTime={at.toISOString()}>{momentOf(at)}</time>;
}

/** The time of day, and the day unless it is today. */
export function momentOf(at: Date): string {
  const today = at.toDateString() === new Date().toDateString();
  return today ? TIME.format(at) : `${DAY.format(at)}, ${TIME.format(at)}`;
}
