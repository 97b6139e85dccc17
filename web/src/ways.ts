import type { ChatApi } from "./api";
import type { Ways } from "./line";
import { Requests } from "./requests";
import { Socket } from "./socket";
import type { Storage } from "./storage";

const GIVEN_UP = "sockets-given-up";
/** For so long a tab does without sockets, then it tries whether they are let through again. */
const FOR_MS = 10 * 60_000;

/** The ways to the service, and which of them this tab takes. */
export function openWays(api: ChatApi, tab: Storage, now: () => Date): Ways {
  return {
    socket: (hello, listener) => new Socket(hello, listener),
    requests: (hello, listener) => new Requests(hello, listener, api),
    answers: api.answers,
    givenUp: () => now().getTime() - (tab.read<number>(GIVEN_UP) ?? 0) < FOR_MS,
    giveUp: () => tab.write(GIVEN_UP, now().getTime()),
  };
}
