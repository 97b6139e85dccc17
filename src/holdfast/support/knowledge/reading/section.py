"""From blocks to sections: what stands under one heading."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from holdfast.support.knowledge.reading.block import Block
from holdfast.support.knowledge.reading.slug import Slugs


@dataclass(frozen=True, slots=True)
class Section:
    """The text between a heading and the next one, of whatever level.

    `heading_path` holds the headings above the text from the outermost in, without the
    document's title; it is empty for what stands before the first of them.
    """

    heading_path: tuple[str, ...]
    anchor: str
    text: str


@dataclass(slots=True)
class _Open:
    path: tuple[Block, ...]
    anchor: str
    texts: list[str] = field(default_factory=list[str])

    def under(self, heading: Block, anchor: str) -> "_Open":
        kept = tuple(above for above in self.path if above.level < heading.level)
        return _Open((*kept, heading), anchor)

    def closed(self) -> Section:
        return Section(
            tuple(heading.text for heading in self.path), self.anchor, "\n\n".join(self.texts)
        )


def title_and_rest(blocks: Sequence[Block]) -> tuple[str, Sequence[Block]]:
    """Take a heading of level 1 that opens a document as its title ("" when there is none)."""
    if blocks and blocks[0].level == 1:
        return blocks[0].text, blocks[1:]
    return "", blocks


def sections(title: str, blocks: Iterable[Block]) -> list[Section]:
    """Cut at every heading; headings without text of their own leave no section."""
    return [section for section in _sections(title, blocks) if section.text]


def _sections(title: str, blocks: Iterable[Block]) -> Iterator[Section]:
    slugs = Slugs()
    current = _Open((), slugs.take(title))
    for block in blocks:
        if block.level:
            yield current.closed()
            current = current.under(block, slugs.take(block.text))
        elif block.text.strip():
            current.texts.append(block.text)
    yield current.closed()
