"""The few lines that may open a Markdown file and say what it is."""

from collections.abc import Mapping

_FENCE = "---"


def split(text: str) -> tuple[Mapping[str, str], str]:
    """Separate `key: value` lines between two lines of `---` from the text below them.

    Text that does not open so is returned whole: a rule at its top is a rule.
    """
    lines = text.split("\n")
    if lines[0].rstrip() != _FENCE:
        return {}, text
    for number, line in enumerate(lines[1:], start=1):
        if line.rstrip() == _FENCE:
            return dict(map(_field, lines[1:number])), "\n".join(lines[number + 1 :])
        if line.strip() and ":" not in line:
            break
    return {}, text


def _field(line: str) -> tuple[str, str]:
    key, _, value = line.partition(":")
    return key.strip().lower(), value.strip().strip("\"'")
