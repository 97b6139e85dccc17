"""What every answer tells browsers: what a page may load, and who may keep or frame it.

Pages hold no script and no style of their own text, so the policy needs no nonce: whatever is
written into a page does not run.
"""

from collections.abc import Iterable
from typing import Final

Header = tuple[bytes, bytes]

CONTENT_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; font-src 'self'; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
# The interactive documentation is not ours: it loads its scripts from elsewhere.
DOCS_PATH: Final = "/docs"
DOCS_POLICY: Final = "object-src 'none'; base-uri 'none'; frame-ancestors 'none'"

# Unless an answer says otherwise about itself.
DEFAULT_HEADERS: Final[tuple[Header, ...]] = (
    (b"content-security-policy", CONTENT_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
DOCS_HEADERS: Final[tuple[Header, ...]] = (
    (b"content-security-policy", DOCS_POLICY.encode()),
    *DEFAULT_HEADERS[1:],
)
STRICT_TRANSPORT: Final[Header] = (b"strict-transport-security", b"max-age=31536000")


def completed(headers: Iterable[Header], *, path: str, scheme: str) -> list[Header]:
    """Add what an answer does not say of itself; over https browsers are to stay with it."""
    written = list(headers)
    names = {name.lower() for name, _ in written}
    defaults = DOCS_HEADERS if path == DOCS_PATH else DEFAULT_HEADERS
    written += [header for header in defaults if header[0] not in names]
    if scheme == "https":
        written.append(STRICT_TRANSPORT)
    return written
