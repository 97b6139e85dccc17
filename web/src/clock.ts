const TIMEOUT_MS = 5_000;

/** The time now, in milliseconds, as the service has it: a visitor's clock may be wrong. */
export type Clock = () => Promise<number>;

/** Ask the service once what time it is; as long as it does not say, the browser's own is taken. */
export function openClock(): Clock {
  let ahead: number | null = null;
  return async () => {
    ahead ??= await measured();
    return Date.now() + (ahead ?? 0);
  };
}

async function measured(): Promise<number | null> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const answer = await fetch("/", { method: "HEAD", cache: "no-store", signal }).catch(() => null);
  const said = Date.parse(answer?.headers.get("Date") ?? "");
  return Number.isNaN(said) ? null : said - Date.now();
}
