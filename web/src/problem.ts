/** A request that did not succeed. */
export class Problem extends Error {
  /** `status` is 0 when no answer came at all. */
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
  ) {
    super(detail || code);
    this.name = "Problem";
  }

  /** Whether the same may succeed a little later. */
  get passing(): boolean {
    return this.status === 0 || this.status >= 500;
  }

  /** Whether the conversation is not ours, unknown or ended. */
  get closed(): boolean {
    return [401, 403, 404].includes(this.status);
  }
}

/** Take a named problem as an outcome; anything else is a fault of this page and goes on up. */
export function named(failure: unknown): Problem {
  if (failure instanceof Problem) return failure;
  throw failure;
}

/** Read a `application/problem+json` answer; proxies may send something else. */
export async function problemOf(response: Response): Promise<Problem> {
  const body: unknown = await response.json().catch(() => null);
  return new Problem(response.status, textOf(body, "code"), textOf(body, "detail"));
}

/** Name the reason why `fetch` gave no answer. */
export function problemOfFailure(failure: unknown): Problem {
  const late = failure instanceof DOMException && failure.name === "TimeoutError";
  return new Problem(0, late ? "TIMEOUT" : "UNREACHABLE", "");
}

function textOf(body: unknown, name: string): string {
  if (typeof body !== "object" || body === null) return "";
  const value: unknown = Reflect.get(body, name);
  return typeof value === "string" ? value : "";
}
