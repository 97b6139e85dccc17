"""What is remembered of a visitor's client: keyed tags of coarse parts, never the parts.

The network is a /24 of IPv4 or a /64 of IPv6 (hosts change their address within one, RFC 7934),
the browser its family and operating system without versions. A tag is
`key id . HMAC-SHA256(subkey, label | value)`, so that it can still be compared after a rotation.
A fingerprint detects a change of client; it proves nothing.
"""

import hmac
import ipaddress
import re
from typing import Final

from holdfast.keyring import Keyring, RootKey, framed
from holdfast.session import Fingerprint

TAG_BYTES: Final = 16
_MOST_READ: Final = 1024

# The first that is found names the family: most browsers claim to be several others as well.
_FAMILIES: Final = (
    ("edge", re.compile(r"Edg(?:e|A|iOS)?/")),
    ("opera", re.compile(r"OPR/|OPiOS/|Opera")),
    ("samsung", re.compile(r"SamsungBrowser/")),
    ("vivaldi", re.compile(r"Vivaldi/")),
    ("firefox", re.compile(r"Firefox/|FxiOS/")),
    ("chrome", re.compile(r"Chrome/|Chromium/|CriOS/")),
    ("safari", re.compile(r"Safari/")),
)
_SYSTEMS: Final = (
    ("ios", re.compile(r"iPhone|iPad|iPod")),
    ("android", re.compile(r"Android")),
    ("windows", re.compile(r"Windows")),
    ("chromeos", re.compile(r"CrOS")),
    ("macos", re.compile(r"Mac OS X|Macintosh")),
    ("linux", re.compile(r"Linux|X11")),
)
_PRODUCT: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")


class Fingerprints:
    """Makes the fingerprints of one namespace."""

    def __init__(self, keys: Keyring, *, namespace: str = "default") -> None:
        self._keys = {key.key_id: key.derive("fingerprint", namespace) for key in keys}
        self._primary: RootKey = keys.primary

    def of(self, *, ip_address: str | None, user_agent: str | None) -> Fingerprint | None:
        """Tag what is known of a client; None when nothing is."""
        values = {"network": network(ip_address), "browser": browser(user_agent)}
        tags = {label: self._tag(label, value) for label, value in values.items() if value}
        return Fingerprint(**tags) if tags else None

    def _tag(self, label: str, value: str) -> str:
        key_id = self._primary.key_id
        content = framed(label.encode()) + value.encode()
        return f"{key_id}.{hmac.digest(self._keys[key_id], content, 'sha256')[:TAG_BYTES].hex()}"


def network(ip_address: str | None) -> str | None:
    """Name the network that an address is in; None for what is no address."""
    try:
        address = ipaddress.ip_address((ip_address or "").strip().partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address
    length = 24 if address.version == 4 else 64
    return str(ipaddress.ip_network(f"{address}/{length}", strict=False))


def browser(user_agent: str | None) -> str | None:
    """Name family and operating system of a browser; of another program, its product name."""
    text = (user_agent or "").strip()[:_MOST_READ]
    if not text:
        return None
    family = next((name for name, sign in _FAMILIES if sign.search(text)), None)
    system = next((name for name, sign in _SYSTEMS if sign.search(text)), "other")
    if family is None:
        product = _PRODUCT.match(text)
        family = product.group().lower() if product else "other"
    return f"{family} {system}"
