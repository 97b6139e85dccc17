"""Text of strangers, made fit for a terminal and for a log of one line an event."""


def printable(text: str) -> str:
    r"""Write what is not printable as an escape: `\n`, `\x1b`, a mark that turns the line around.

    Nothing that a name or a header holds can then begin a line, or move the cursor (OWASP ASVS 5.0,
    16.4.1).
    """
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else _escaped(sign) for sign in text)


def _escaped(sign: str) -> str:
    return sign.encode("unicode_escape").decode("ascii")
