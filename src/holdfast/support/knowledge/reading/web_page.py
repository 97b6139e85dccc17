"""HTML: headings and text blocks in reading order; scripts, styles and navigation are left out.

The standard library's tokenizer is enough: nothing here depends on how a browser would repair the
tree, only on where blocks begin and end.
"""

import re
from html.parser import HTMLParser

from holdfast.support.knowledge.reading.block import Block

_HIDDEN = frozenset({"script", "style", "template", "noscript", "svg", "nav"})
_INLINE = frozenset(
    [
        "a",
        "abbr",
        "b",
        "bdi",
        "bdo",
        "cite",
        "code",
        "data",
        "del",
        "dfn",
        "em",
        "font",
        "i",
        "img",
        "ins",
        "kbd",
        "label",
        "mark",
        "q",
        "s",
        "samp",
        "small",
        "span",
        "strong",
        "sub",
        "sup",
        "time",
        "u",
        "var",
        "wbr",
    ]
)
# Their lines stay together in one block.
_CONTAINERS = frozenset({"ul", "ol", "dl", "table"})
_CELLS = frozenset({"td", "th"})
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})


def blocks(text: str) -> list[Block]:
    """Read a page or a fragment of one; the title stands in for a missing first heading."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    found = reader.finish()
    if reader.title and not any(block.level == 1 for block in found):
        return [Block(reader.title, 1), *found]
    return found


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.title = ""
        self._blocks: list[Block] = []
        self._lines = [""]
        self._mark = ""
        self._level = 0
        self._hidden: list[str] = []
        self._containers: list[str] = []
        self._numbers: list[int] = []
        self._verbatim = False

    def finish(self) -> list[Block]:
        self._end_block()
        return self._blocks

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        if tag in _HIDDEN:
            self._hidden.append(tag)
        elif not self._hidden and tag not in _INLINE:
            self._begin(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._hidden:
            del self._hidden[self._hidden.index(tag) :]
        elif not self._hidden and tag not in _INLINE | _CELLS:
            self._end(tag)

    def handle_data(self, data: str) -> None:
        if self._hidden:
            return
        text = data if self._verbatim else re.sub(r"\s+", " ", data)
        if not self._lines[-1]:
            text = text if self._verbatim else text.lstrip()
            self._lines[-1], self._mark = (self._mark, "") if text else ("", self._mark)
        self._lines[-1] += text

    def _begin(self, tag: str) -> None:
        if tag in _CELLS and self._lines[-1]:
            self._lines[-1] += " | "
        elif tag == "li":
            self._begin_item()
        elif tag == "br" or self._containers:
            self._end_line()
        else:
            self._end_block()
            self._level = int(tag[1]) if tag in _HEADINGS else 0
            self._verbatim = tag == "pre"
        if tag in _CONTAINERS:
            self._containers.append(tag)
            self._numbers.append(0)

    def _end(self, tag: str) -> None:
        if tag in _CONTAINERS and self._containers:
            self._containers.pop()
            self._numbers.pop()
        if tag == "title":
            self._end_title()
        elif self._containers:
            self._end_line()
        else:
            self._end_block()

    def _begin_item(self) -> None:
        self._end_line()
        ordered = bool(self._containers) and self._containers[-1] == "ol"
        if ordered:
            self._numbers[-1] += 1
        self._mark = f"{self._numbers[-1]}. " if ordered else "- "

    def _end_line(self) -> None:
        if self._lines[-1]:
            self._lines.append("")

    def _end_title(self) -> None:
        self.title = self.title or " ".join(self._lines).strip()
        self._lines = [""]

    def _end_block(self) -> None:
        text = "\n".join(line.rstrip() for line in self._lines).strip("\n")
        if text.strip():
            self._blocks.append(Block(text, self._level))
        self._lines, self._mark, self._level, self._verbatim = [""], "", 0, False
