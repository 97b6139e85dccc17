"""What is remembered of a visitor's client: keyed tags of coarse parts, never the parts.

The network is a /24 of IPv4 or a /64 of IPv6 (hosts change their address within one, RFC 7934),
the browser its family and the operating system, both without versions. A tag is
`key id . HMAC-SHA256(subkey, label | value)`, so that it can still be compared after a rotation.
A fingerprint detects a change of client; it proves nothing (OWASP Session Management, "Binding the
Session ID to Other User Properties"; ASVS 15.3.4).
"""

import hmac
import ipaddress
import re
from typing import Final, Literal, NamedTuple

from holdfast.keyring import Keyring, RootKey, framed
from holdfast.session import Fingerprint

Mode = Literal["off", "soft", "strict"]
Action = Literal["kept", "step_up", "revoke", "reauth_required"]
Part = Literal["network", "browser", "system"]

TAG_BYTES: Final = 16
PARTS: Final[tuple[Part, ...]] = ("network", "browser", "system")
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


class Client(NamedTuple):
    """What is known of a client now; None for what it does not tell."""

    ip_address: str | None = None
    user_agent: str | None = None

    def parts(self) -> dict[Part, str]:
        """Give the parts that count, those that are known."""
        found: dict[Part, str | None] = {
            "network": network(self.ip_address),
            "browser": browser(self.user_agent),
            "system": system(self.user_agent),
        }
        return {part: value for part, value in found.items() if value}


class Verdict(NamedTuple):
    """What a comparison came to.

    `kept`: go on. `step_up`: let the user prove again who they are. `revoke`: end the session.
    `reauth_required`: refuse until the user has signed in again. `changed` names the parts that
    differ, whatever the action. `renewed` is what to store when the session is kept: the client
    as it is now, under the key that seals; None where that is stored already.
    """

    action: Action
    changed: tuple[Part, ...] = ()
    renewed: Fingerprint | None = None


class Fingerprints:
    """Makes and compares the fingerprints of one namespace."""

    def __init__(self, keys: Keyring, *, namespace: str = "default") -> None:
        self._keys = keys
        self._namespace = namespace

    def of(self, *, ip_address: str | None, user_agent: str | None) -> Fingerprint | None:
        """Tag what is known of a client; None when nothing is."""
        key = self._keys.primary
        parts = Client(ip_address, user_agent).parts()
        tags = {part: self._tag(key, part, value) for part, value in parts.items()}
        return Fingerprint.model_validate(tags) if tags else None

    def compare(self, stored: Fingerprint | None, now: Client, mode: Mode) -> Verdict:
        """Say what a change of client means.

        A session without a fingerprint passes. A part that was known and is not told any more has
        changed; one under a key that the keyring does not hold cannot be compared, which `strict`
        takes for a change.
        """
        if mode == "off":
            return Verdict("kept")
        parts = now.parts()
        known = stored or Fingerprint()
        tags: dict[Part, str | None] = {part: getattr(known, part) for part in PARTS}
        changed: tuple[Part, ...] = tuple(
            part
            for part, tag in tags.items()
            if tag is not None and self._differs(part, tag, parts.get(part), mode)
        )
        action = judge(changed, mode)
        fresh = self.of(ip_address=now.ip_address, user_agent=now.user_agent)
        return Verdict(action, changed, fresh if action == "kept" and fresh != stored else None)

    def _differs(self, part: Part, tag: str, value: str | None, mode: Mode) -> bool:
        key = self._keys.find(tag.rpartition(".")[0])
        if key is None:
            return mode == "strict"
        return value is None or not hmac.compare_digest(
            self._tag(key, part, value).encode(), tag.encode()
        )

    def _tag(self, key: RootKey, part: Part, value: str) -> str:
        content = framed(part.encode()) + value.encode()
        subkey = key.derive("fingerprint", self._namespace)
        return f"{key.key_id}.{hmac.digest(subkey, content, 'sha256')[:TAG_BYTES].hex()}"


def judge(changed: tuple[Part, ...], mode: Mode) -> Action:
    """Say what to do about the parts that changed.

    Soft keeps a session whose network alone changed (from Wi-Fi to mobile, addresses that are
    renewed), asks again where the browser or the system did, and ends it where both the network and
    one of these did. Strict takes no change.
    """
    if mode == "off" or not changed:
        return "kept"
    if mode == "strict":
        return "reauth_required"
    if "network" not in changed:
        return "step_up"
    return "kept" if changed == ("network",) else "revoke"


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
    """Name the family of a browser; of another program, its product name."""
    text = _told(user_agent)
    if not text:
        return None
    family = next((name for name, sign in _FAMILIES if sign.search(text)), None)
    product = _PRODUCT.match(text)
    return family or (product.group().lower() if product else "other")


def system(user_agent: str | None) -> str | None:
    """Name the operating system that a browser runs on."""
    text = _told(user_agent)
    if not text:
        return None
    return next((name for name, sign in _SYSTEMS if sign.search(text)), "other")


def _told(user_agent: str | None) -> str:
    return (user_agent or "").strip()[:_MOST_READ]
