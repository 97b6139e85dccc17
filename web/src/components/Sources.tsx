import { useSignal } from "@preact/signals";
import { useEffect, useId, useRef } from "preact/hooks";
import { Formatted, Link } from "../format";
import { safeAddress } from "../markup";
import { ARTICLES } from "../shop";
import type { Source } from "../wire";
import { words } from "../words";
import { Chevron } from "./icons";

/** What an answer rests on: a chip for each passage, one of them open at a time. */
export function Sources({ sources }: { sources: readonly Source[] }) {
  const open = useSignal<Source | null>(null);
  const id = useId();
  const toggle = (source: Source) => (open.value = open.value === source ? null : source);
  return (
    <section class="sources" aria-label={words.value.sources}>
      <ul class="chips" lang={ARTICLES}>
        {sources.map((source, index) => (
          <li key={index}>
            <button
              type="button"
              class="chip"
              aria-expanded={open.value === source}
              aria-controls={open.value === source ? id : undefined}
              onClick={() => toggle(source)}
            >
              <span class="chip-number">{index + 1}</span>
              <span class="chip-title" dir="auto">{source.title}</span>
              <Chevron />
            </button>
          </li>
        ))}
      </ul>
      {open.value && <Passage id={id} source={open.value} />}
    </section>
  );
}

function Passage({ id, source }: { id: string; source: Source }) {
  const passage = useRef<HTMLElement>(null);
  useEffect(() => passage.current?.scrollIntoView({ block: "nearest" }), [source]);
  return (
    <figure class="passage" id={id} ref={passage} lang={ARTICLES}>
      <figcaption class="passage-title" dir="auto">{source.title}</figcaption>
      <blockquote dir="auto">
        <Formatted content={source.content} />
      </blockquote>
      <p class="passage-address" dir="ltr">
        <Address uri={source.uri} />
      </p>
    </figure>
  );
}

function Address({ uri }: { uri: string }) {
  const href = safeAddress(uri);
  return href === null ? <code>{uri}</code> : <Link href={href}>{uri}</Link>;
}
