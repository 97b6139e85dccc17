"""Markdown that fetches nothing, wherever it is opened.

An answer may have been talked into naming an image at an address of somebody's choice, with what it
knows in the address: whoever opens the text then sends it there (CVE-2025-32711). The chat page
makes no images at all; a file that is saved is opened by programs that do.
"""

import re
from typing import Final

# How an image begins, inline or by reference; how a tag, a comment or an address in brackets does.
_IMAGE: Final = re.compile(r"!(?=\[)")
_TAG: Final = re.compile(r"<(?=[A-Za-z/!?])")


def harmless(markdown: str) -> str:
    """Turn images and HTML into the text that they are written as; links stay."""
    return _TAG.sub("&lt;", _IMAGE.sub(r"!\\", markdown))
