"""What the readers of all forms agree on."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Block:
    """A heading, or anything between two headings that stands on its own.

    `level` is 1-6 for a heading and 0 for text. The text carries no markup; lines of a list or a
    table are separated by single newlines.
    """

    text: str
    level: int = 0
