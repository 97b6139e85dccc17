/** A request that did not succeed, told in words for the visitor. */
export class Problem extends Error {
  /** `status` is 0 when no answer came at all. */
  constructor(
    readonly status: number,
    detail: string,
  ) {
    super(detail);
    this.name = "Problem";
  }

  /** Whether the conversation cannot be opened any more: ended, unknown or not ours. */
  get conversationGone(): boolean {
    return [401, 403, 404].includes(this.status);
  }
}

/** Read a `application/problem+json` answer; proxies may send something else. */
export async function problemOf(response: Response): Promise<Problem> {
  const body: unknown = await response.json().catch(() => null);
  return new Problem(response.status, detailOf(body) ?? withoutDetail(response.status));
}

/** Name the reason why `fetch` gave no answer. */
export function problemOfFailure(failure: unknown): Problem {
  if (failure instanceof DOMException && failure.name === "TimeoutError") {
    return new Problem(0, "The answer is taking too long.");
  }
  return new Problem(0, "The help desk cannot be reached. Please check your connection.");
}

function detailOf(body: unknown): string | null {
  if (typeof body !== "object" || body === null || !("detail" in body)) return null;
  return typeof body.detail === "string" && body.detail !== "" ? body.detail : null;
}

function withoutDetail(status: number): string {
  return status >= 500
    ? `The help desk has a problem at the moment (error ${status}).`
    : `The help desk did not accept this (error ${status}).`;
}
