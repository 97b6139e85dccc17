"""Everything that a service has written, looked through for everything that it must not write."""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.redis_servers import RedisServer

# What a JSON Web Token begins with: `{"` in base64.
JWT: Final = re.compile(rb"eyJ[A-Za-z0-9_-]{8,}")
SHORTEST: Final = 8


@dataclass
class Secrets:
    """Secrets by what they are, gathered while a test goes on."""

    known: dict[str, str] = field(default_factory=dict)

    def note(self, name: str, secret: str) -> str:
        """Remember a secret, and give it back."""
        assert len(secret) >= SHORTEST, name
        self.known[f"{name} {len(self.known)}"] = secret
        return secret

    def note_parts(self, name: str, joined: str, *, between: str = ".") -> str:
        """Remember a secret that has several parts: each one, and the whole."""
        for part in joined.split(between):
            if len(part) > 20:
                self.note(f"a part of {name}", part)
        return self.note(name, joined)

    def found_in(self, where: str, content: bytes) -> Iterator[str]:
        """Say which of them stand in some bytes, as they are, decoded, or as hexadecimals."""
        for name, secret in self.known.items():
            for form, sought in _forms(secret):
                if sought in content:
                    yield f"{name} ({form}) in {where}"
        for token in JWT.findall(content):
            yield f"the beginning of a token in {where}: {token[:12]!r}"


def _forms(secret: str) -> Iterator[tuple[str, bytes]]:
    yield "as it is", secret.encode()
    yield "in base64", base64.b64encode(secret.encode()).rstrip(b"=")
    yield "in hexadecimals", secret.encode().hex().encode()
    try:
        raw = base64.b64decode(secret.encode() + b"=" * (-len(secret) % 4), b"-_", validate=True)
    except binascii.Error:
        return
    if len(raw) >= 16:
        yield "decoded", raw
        yield "decoded, in hexadecimals", raw.hex().encode()


def files(folder: Path, *, but: frozenset[str]) -> Iterator[tuple[str, bytes]]:
    """Read all files below a folder, but for those with some names."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name not in but:
            yield str(path.relative_to(folder)), path.read_bytes()


def dump(server: RedisServer) -> Iterator[tuple[str, bytes]]:
    """Dump all keys of a server, uncompressed; names of keys are part of it."""
    server.ask("CONFIG", "SET", "rdbcompression", "no")
    for key in server.ask("KEYS", "*"):
        yield "the name of a key", key
        yield key.decode(errors="replace"), server.ask("DUMP", key) or b""
