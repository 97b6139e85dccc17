import type { ComponentChildren } from "preact";
import { parseBlocks, type Block, type Inline } from "./markup";
import { words } from "./words";

/** Text of the shop as elements: light Markdown, links to plain addresses only, no images. */
export function Formatted({ content }: { content: string }) {
  return <>{parseBlocks(content).map(blockOf)}</>;
}

function blockOf(block: Block): ComponentChildren {
  if (block.kind === "list") return listOf(block);
  if (block.kind === "table") return tableOf(block);
  if (block.kind === "quote") return <blockquote>{block.blocks.map(blockOf)}</blockquote>;
  if (block.kind === "code") {
    return (
      <pre dir="ltr">
        <code>{block.text}</code>
      </pre>
    );
  }
  const lines = block.lines.map((line, index) => (
    <>
      {index > 0 && "\n"}
      {line.map(inlineOf)}
    </>
  ));
  return <p class={block.kind === "heading" ? "heading" : undefined}>{lines}</p>;
}

function listOf({ ordered, start, items }: Extract<Block, { kind: "list" }>) {
  const lines = items.map((item) => <li>{item.map(inlineOf)}</li>);
  return ordered ? <ol start={start}>{lines}</ol> : <ul>{lines}</ul>;
}

/** A wide table is scrolled in its own place, also by keyboard. */
function tableOf({ sides, head, rows }: Extract<Block, { kind: "table" }>) {
  const cells = (row: Inline[][]) =>
    row.map((cell, place) => <td class={sides[place] ?? undefined}>{cell.map(inlineOf)}</td>);
  const heads = head.map((cell, place) =>
    cell.length === 0 ? (
      <td />
    ) : (
      <th scope="col" class={sides[place] ?? undefined}>
        {cell.map(inlineOf)}
      </th>
    ),
  );
  return (
    <div class="table" role="group" aria-label={words.value.table} tabIndex={0}>
      <table>
        <thead>
          <tr>{heads}</tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr>{cells(row)}</tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function inlineOf(part: Inline): ComponentChildren {
  if (part.kind === "text") return part.text;
  if (part.kind === "code") return <code>{part.text}</code>;
  if ("children" in part) {
    const Emphasis = part.kind;
    return <Emphasis>{part.children.map(inlineOf)}</Emphasis>;
  }
  return <Link href={part.href}>{part.text}</Link>;
}

/** A link away from the conversation, which stays open behind it. */
export function Link({ href, children }: { href: string; children: ComponentChildren }) {
  const elsewhere = !href.toLowerCase().startsWith("mailto:");
  return (
    <a href={href} rel="noopener nofollow ugc" target={elsewhere ? "_blank" : undefined}>
      {children}
      {elsewhere && <span class="unseen"> ({words.value.newTab})</span>}
    </a>
  );
}
