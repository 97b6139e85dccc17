"""Markdown, by CommonMark's rules with tables; markup is dropped, the shape of lists is kept.

A parser of its own standing is used because headings hide: in fenced code `# x` is no heading, a
line under which `---` stands is one, and links would bring their targets into the index.
"""

from collections.abc import Iterable

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from holdfast.support.knowledge.reading import web_page
from holdfast.support.knowledge.reading.block import Block


def blocks(text: str) -> list[Block]:
    """Read the outermost blocks in order."""
    parser = MarkdownIt("commonmark").enable("table")
    return [_block(node) for node in SyntaxTreeNode(parser.parse(text)).children]


def _block(node: SyntaxTreeNode) -> Block:
    level = int(node.tag[1:]) if node.type == "heading" else 0
    return Block(_text(node), level)


def _text(node: SyntaxTreeNode) -> str:
    match node.type:
        case "paragraph" | "heading" | "th" | "td":
            return "".join(map(_inline, node.children))
        case "bullet_list" | "ordered_list":
            return "\n".join(map(_item, node.children))
        case "table":
            return "\n".join(_rows(node))
        case "fence" | "code_block":
            return node.content.rstrip()
        case "html_block":
            return "\n".join(block.text for block in web_page.blocks(node.content))
        case _:
            return "\n\n".join(filter(None, map(_text, node.children)))


def _item(node: SyntaxTreeNode) -> str:
    # `info` is the number of an item of an ordered list, and empty in a bullet list.
    mark = f"{node.info}." if node.info else "-"
    body = "\n".join(filter(None, map(_text, node.children)))
    return f"{mark} " + body.replace("\n", "\n  ")


def _rows(table: SyntaxTreeNode) -> Iterable[str]:
    for part in table.children:
        for row in part.children:
            yield " | ".join(map(_text, row.children))


def _inline(node: SyntaxTreeNode) -> str:
    match node.type:
        case "text" | "code_inline" | "image":
            return node.content
        case "softbreak":
            return " "
        case "hardbreak":
            return "\n"
        case "html_inline":
            return ""
        case _:
            return "".join(map(_inline, node.children))
