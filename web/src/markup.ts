/** The little Markdown that answers use, read into values. Nothing here makes HTML. */

import { stretchesOf, type Stretch } from "./stretches";
import { cellsOf, fitted, ruled, type Side } from "./table";

export type Inline =
  | { kind: "text"; text: string }
  | { kind: "strong" | "em"; children: Inline[] }
  | { kind: "code"; text: string }
  | { kind: "link"; href: string; text: string };

export type Block =
  | { kind: "paragraph" | "heading"; lines: Inline[][] }
  | { kind: "list"; ordered: boolean; start: number; items: Inline[][] }
  | { kind: "code"; text: string }
  | { kind: "quote"; blocks: Block[] }
  | { kind: "table"; sides: Side[]; head: Inline[][]; rows: Inline[][][] };

/** Lengths are bounded, so that no text takes long to read, whatever it opens and never closes. */
const MARKS =
  /\*\*(?<strong>[^\n]{1,2000}?)\*\*|\*(?<em>[^\s*](?:[^*\n]{0,2000}[^\s*])?)\*|`(?<code>[^`\n]{1,2000})`|!\[(?<alt>[^[\]\n]{0,500})\]\([^)\n]{0,2000}\)|\[(?<label>[^[\]\n]{1,500})\]\((?<target>[^)\s]{0,2000})\)|(?<bare>(?:https?:\/\/|mailto:)[^\s<>"`*]{1,2000})/gi;
const ITEM = /^\s{0,3}(?:[-*•]|(?<number>\d{1,3})[.)])\s+(?<text>.*)$/;
/** A line across, which nothing is lost without. */
const DIVIDER = /^ {0,3}([-*_])[ \t]*(?:\1[ \t]*){2,}$/;
const HEADING = /^#{1,6}\s+(?<text>.*)$/;
const ADDRESS = /^\s*(?:[a-z][a-z\d+.-]*:|www\.|[\w-]+(?:\.[\w-]+)+(?:[/?#]|\s*$))/i;
const CLOSING = /[.,;:!?)\]'"]+$/;
const CLOSING_OUTSIDE = /[.,;:!?\]'"]+$/;

export function parseBlocks(content: string): Block[] {
  return stretchesOf(content.replace(/\r\n?/g, "\n").split("\n")).flatMap(blocksOf);
}

function blocksOf({ kind, lines }: Stretch): Block[] {
  if (kind === "code") return [{ kind, text: lines.join("\n").trimEnd() }];
  return kind === "quote" ? [{ kind, blocks: textBlocks(lines) }] : textBlocks(lines);
}

function textBlocks(lines: readonly string[]): Block[] {
  return lines
    .reduce<(Block | null)[]>(
      (blocks, line, index, lines) => addLine(blocks, line, lines[index - 1] ?? ""),
      [],
    )
    .filter((block) => block !== null);
}

export function parseInline(text: string): Inline[] {
  const parts: Inline[] = [];
  let end = 0;
  for (const match of text.matchAll(MARKS)) {
    if (match.index > end) parts.push(plain(text.slice(end, match.index)));
    parts.push(...inlineOf(match.groups!));
    end = match.index + match[0].length;
  }
  if (end < text.length) parts.push(plain(text.slice(end)));
  return parts;
}

/** The words alone, to be read aloud. */
export function plainText(content: string): string {
  return parseBlocks(content)
    .flatMap(linesOf)
    .map(wordsOf)
    .join(" ");
}

function linesOf(block: Block): Inline[][] {
  if (block.kind === "list") return block.items;
  if (block.kind === "code") return [[plain(block.text)]];
  if (block.kind === "quote") return block.blocks.flatMap(linesOf);
  if (block.kind !== "table") return block.lines;
  return [block.head, ...block.rows].map((row) => [plain(`${row.map(wordsOf).join(", ")}.`)]);
}

/** The address if a visitor may be sent there, else null. */
export function safeAddress(target: string): string | null {
  if (!/^(?:https?:\/\/|mailto:)\S+$/i.test(target) || !URL.canParse(target)) return null;
  // What stands before an @ is taken for the name of the site.
  return new URL(target).username === "" ? target : null;
}

/** `null` in the list is an empty line: what follows starts a block of its own. */
function addLine(blocks: (Block | null)[], line: string, before: string): (Block | null)[] {
  const open = blocks.at(-1) ?? null;
  if (line.trim() === "" || DIVIDER.test(line)) return open === null ? blocks : [...blocks, null];
  const sides = open?.kind === "paragraph" ? ruled(line, before) : null;
  if (sides) return openTable(blocks, before, sides);
  const heading = HEADING.exec(line);
  if (heading) return [...blocks, headingOf(heading.groups!.text!)];
  const item = ITEM.exec(line);
  if (item) return addItem(blocks, open, item.groups!);
  if (open?.kind === "table" && line.includes("|")) {
    open.rows.push(rowOf(line, open.sides));
    return blocks;
  }
  return addText(blocks, open, line);
}

/** The line above the rule, which was taken for text, is the table's head. */
function openTable(blocks: (Block | null)[], head: string, sides: Side[]): (Block | null)[] {
  const text = blocks.at(-1) as Extract<Block, { kind: "paragraph" | "heading" }>;
  text.lines.pop();
  const others = text.lines.length === 0 ? blocks.slice(0, -1) : blocks;
  return [...others, { kind: "table", sides, head: rowOf(head, sides), rows: [] }];
}

function rowOf(line: string, sides: Side[]): Inline[][] {
  return fitted(cellsOf(line), sides.length).map(parseInline);
}

function addItem(
  blocks: (Block | null)[],
  open: Block | null,
  { number, text }: Record<string, string | undefined>,
): (Block | null)[] {
  const ordered = number !== undefined;
  const list = open ?? lastList(blocks);
  if (list?.kind === "list" && list.ordered === ordered) {
    list.items.push(parseInline(text!));
    return blocks.slice(0, blocks.lastIndexOf(list) + 1);
  }
  return [...blocks, { kind: "list", ordered, start: Number(number ?? 1), items: [parseInline(text!)] }];
}

/** A list whose items stand apart by empty lines is still one list. */
function lastList(blocks: (Block | null)[]): Block | null {
  return blocks.findLast((block) => block !== null) ?? null;
}

function addText(blocks: (Block | null)[], open: Block | null, line: string): (Block | null)[] {
  if (open?.kind === "paragraph") open.lines.push(parseInline(line.trim()));
  else if (open?.kind === "list" && /^\s/.test(line)) {
    open.items.at(-1)!.push(plain(" "), ...parseInline(line.trim()));
  } else return [...blocks, { kind: "paragraph", lines: [parseInline(line.trim())] }];
  return blocks;
}

function headingOf(text: string): Block {
  return { kind: "heading", lines: [parseInline(text)] };
}

function inlineOf(groups: Record<string, string | undefined>): Inline[] {
  const { strong, em, code, alt, label, target, bare } = groups;
  if (strong !== undefined) return [{ kind: "strong", children: parseInline(strong) }];
  if (em !== undefined) return [{ kind: "em", children: parseInline(em) }];
  if (code !== undefined) return [{ kind: "code", text: code }];
  if (label !== undefined) return [linkTo(target ?? "", label)];
  if (bare !== undefined) return bareLink(bare);
  return alt ? [plain(alt)] : [];
}

/** Punctuation after an address belongs to the sentence, not to the address. */
function bareLink(found: string): Inline[] {
  const opened = found.includes("(");
  const closing = (opened ? CLOSING_OUTSIDE : CLOSING).exec(found)?.[0] ?? "";
  const address = found.slice(0, found.length - closing.length);
  const link = linkTo(address, address.replace(/^mailto:/i, ""));
  return closing === "" ? [link] : [link, plain(closing)];
}

/** A text that names another address than the one it leads to gives way to that one. */
function linkTo(target: string, text: string): Inline {
  const href = safeAddress(target);
  if (href === null) return plain(text);
  return { kind: "link", href, text: ADDRESS.test(text) && !href.includes(text) ? href : text };
}

function plain(text: string): Inline {
  return { kind: "text", text };
}

function wordsOf(parts: Inline[]): string {
  return parts
    .map((part) => ("children" in part ? wordsOf(part.children) : part.text))
    .join("");
}
