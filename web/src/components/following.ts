import { useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Conversation } from "../conversation";
import type { Entries, Entry } from "../entry";

/** Pixels that are as good as the end. */
const NEAR = 48;
const MARGIN = 16;

/**
 * Keep the newest in view while the visitor reads along.
 *
 * What grows is followed until its question reaches the top, so that it is read from its beginning;
 * whoever scrolls up is left alone until they come back or write something.
 */
export function useFollowing(conversation: Conversation) {
  const entries = conversation.entries.value;
  const run = conversation.run.value;
  const ended = conversation.ended.value;
  const log = useRef<HTMLDivElement>(null);
  const shown = useRef({ conversation, states: new Set<string>(), top: 0 });
  const follows = useRef(true);
  const away = useSignal(false);

  useLayoutEffect(() => {
    const place = log.current;
    if (!place || entries.length === 0) return;
    const first = shown.current.conversation !== conversation || shown.current.states.size === 0;
    const before = first ? new Set<string>() : shown.current.states;
    shown.current = { conversation, states: new Set(entries.map(stateOf)), top: place.scrollTop };
    const newest = entries.findLast((entry) => !before.has(stateOf(entry)));
    if (first || newest?.role === "user") follows.current = true;
    const toEnd = first || ended || (newest !== undefined && isBroken(newest));
    if (follows.current) follow(place, toEnd ? null : beginning(entries, newest));
    away.value = !atEnd(place);
    shown.current.top = place.scrollTop;
  }, [conversation, entries, run?.text, run?.sources, run?.state, ended]);

  // Less room, for a banner or a long question, must not hide what was in view.
  const asked = useRef<string | null>(null);
  asked.current = lastQuestion(entries);
  useLayoutEffect(() => {
    const place = log.current!;
    const watch = new ResizeObserver(() => {
      if (follows.current && asked.current !== null) follow(place, asked.current);
      shown.current.top = place.scrollTop;
    });
    watch.observe(place);
    return () => watch.disconnect();
  }, []);

  const scrolled = () => {
    const place = log.current;
    if (!place) return;
    const up = place.scrollTop < shown.current.top - 2;
    shown.current.top = place.scrollTop;
    if (atEnd(place)) follows.current = true;
    else if (up) follows.current = false;
    away.value = !atEnd(place);
  };
  const toNewest = () => {
    follows.current = true;
    away.value = false;
    log.current?.scrollTo({ top: log.current.scrollHeight });
    log.current?.focus({ preventScroll: true });
  };
  return { log, away, scrolled, toNewest };
}

/** Bring the end into view, but no further than the question that it answers allows. */
function follow(log: HTMLElement, question: string | null): void {
  const end = log.scrollHeight - log.clientHeight;
  const top = question === null ? end : topOf(log, question);
  log.scrollTo({ top: Math.min(end, Math.max(top, log.scrollTop)), behavior: "instant" });
}

function topOf(log: HTMLElement, key: string): number {
  const asked = log.querySelector(`[data-key="${CSS.escape(key)}"]`);
  if (!asked) return Infinity;
  const offset = asked.getBoundingClientRect().top - log.getBoundingClientRect().top;
  return log.scrollTop + offset - MARGIN;
}

/** What is read from its beginning: what a person has just said, or the last question. */
function beginning(entries: Entries, newest: Entry | undefined): string | null {
  return newest?.role === "staff" ? newest.key : lastQuestion(entries);
}

function lastQuestion(entries: Entries): string | null {
  return entries.findLast(({ role }) => role === "user")?.key ?? null;
}

function stateOf(entry: Entry): string {
  return `${entry.key} ${isBroken(entry)}`;
}

/** What it says then stands under it, and must be seen. */
function isBroken({ delivery }: Entry): boolean {
  return ["failed", "interrupted", "unanswered"].includes(delivery);
}

function below(log: HTMLElement): number {
  return log.scrollHeight - log.clientHeight - log.scrollTop;
}

function atEnd(log: HTMLElement): boolean {
  return below(log) < NEAR;
}
