"""Values that open only where they were sealed.

AES-256-GCM (NIST SP 800-38D) under a subkey of the session, with random 96-bit nonces. An envelope
is `format | algorithm | length of key id | key id | nonce | ciphertext and tag`; all of it before
the nonce, the purpose, the namespace, the session id and the place (a field's tag, an item's
origin) are authenticated with the ciphertext.
"""

import hmac
from collections import OrderedDict
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from holdfast.entropy import Entropy
from holdfast.errors import DecryptionFailed
from holdfast.keyring import Keyring, RootKey, framed

FORMAT: Final = 1
AES_256_GCM: Final = 1
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
NAME_BYTES: Final = 14
SESSIONS_KEPT: Final = 4096
TAGS_KEPT: Final = 32


class _Purpose(NamedTuple):
    """One key, one session, one purpose: the cipher, and what every envelope begins with."""

    cipher: AESGCM
    header: bytes
    bound: bytes


class SessionSeal:
    """Seals and opens the values of one session."""

    __slots__ = (
        "_context",
        "_entropy",
        "_header",
        "_keyring",
        "_primary",
        "_purposes",
        "_sealing",
        "_session_id",
        "_tag_keys",
        "_tags",
    )

    def __init__(
        self, keyring: Keyring, *, namespace: str, session_id: str, entropy: Entropy
    ) -> None:
        ring = keyring.current()
        self._keyring = keyring
        self._primary = ring.primary
        self._header = _header(self._primary)
        self._context = (namespace, session_id)
        self._session_id = session_id
        self._entropy = entropy
        self._purposes: dict[tuple[str, str], _Purpose] = {}
        self._sealing: dict[str, _Purpose] = {}
        self._tags: dict[str, bytes] = {}
        self._tag_keys = [key.derive("tag", namespace, session_id) for key in ring]

    def tag(self, name: str) -> bytes:
        """Name a field in the backend: a keyed tag under the sealing key."""
        tag = self._tags.get(name)
        if tag is None:
            tag = hmac.digest(self._tag_keys[0], name.encode(), "sha256")[:NAME_BYTES]
            if len(self._tags) < TAGS_KEPT:
                self._tags[name] = tag
        return tag

    @property
    def rotated(self) -> bool:
        """Whether there are older keys."""
        return len(self._tag_keys) > 1

    def is_current(self, sealed: bytes) -> bool:
        """Say whether a value is sealed under the sealing key."""
        return sealed.startswith(self._header)

    def older_tags(self, name: str) -> tuple[bytes, ...]:
        """Name the same field as values sealed under the older keys are named."""
        return tuple(
            hmac.digest(key, name.encode(), "sha256")[:NAME_BYTES] for key in self._tag_keys[1:]
        )

    def digests(self, content: bytes) -> tuple[bytes, ...]:
        """Make a keyed digest of a change under each key, the sealing one first."""
        return tuple(
            hmac.digest(key, b"digest" + content, "sha256")[:TAG_BYTES] for key in self._tag_keys
        )

    def seal(self, purpose: str, place: bytes, plain: bytes) -> bytes:
        """Seal `plain` for one place of this session."""
        key = self._sealing.get(purpose)
        if key is None:
            key = self._sealing[purpose] = self._purpose(purpose, self._primary)
        nonce = self._entropy.take(NONCE_BYTES)
        return key.header + nonce + key.cipher.encrypt(nonce, plain, key.bound + place)

    def open(self, purpose: str, place: bytes, sealed: bytes) -> bytes:
        """Open what was sealed for this place.

        Raises:
            DecryptionFailed: no envelope, an unknown key, or not what was sealed here.
        """
        known = self._sealing.get(purpose)
        if known is not None and sealed.startswith(known.header):
            header, key = len(known.header), known
        else:
            header, key = self._find_purpose(purpose, sealed)
        body = header + NONCE_BYTES
        try:
            return key.cipher.decrypt(sealed[header:body], sealed[body:], key.bound + place)
        except (InvalidTag, ValueError) as exc:
            raise self._failed("a value does not open with its key at this place") from exc

    def _find_purpose(self, purpose: str, sealed: bytes) -> tuple[int, _Purpose]:
        header = 3 + sealed[2] if len(sealed) > 2 else 0
        if sealed[:2] != bytes((FORMAT, AES_256_GCM)) or len(sealed) < header + NONCE_BYTES:
            raise self._failed("a value is not in the form of a sealed one")
        root = self._keyring.find(sealed[3:header].decode("ascii", "replace"))
        if root is None:
            raise self._failed("a value was sealed with a key that the keyring does not hold")
        return header, self._purpose(purpose, root)

    def _purpose(self, name: str, root: RootKey) -> _Purpose:
        known = self._purposes.get((name, root.key_id))
        if known is None:
            header = _header(root)
            bound = b"".join(
                framed(part) for part in (header, name.encode(), *map(str.encode, self._context))
            )
            cipher = AESGCM(root.derive(name, *self._context))
            known = self._purposes[name, root.key_id] = _Purpose(cipher, header, bound)
        return known

    def _failed(self, reason: str) -> DecryptionFailed:
        return DecryptionFailed(self._session_id, reason=reason)


def _header(root: RootKey) -> bytes:
    return bytes((FORMAT, AES_256_GCM, len(root.key_id))) + root.key_id.encode()


def key_id_of(sealed: bytes) -> str | None:
    """Say under which key something was sealed; None for what is no envelope."""
    end = 3 + sealed[2] if len(sealed) > 2 else 0
    if sealed[:2] != bytes((FORMAT, AES_256_GCM)) or len(sealed) < end + NONCE_BYTES + TAG_BYTES:
        return None
    return sealed[3:end].decode("ascii", "replace")


class Sealer:
    """The seals of a namespace; those of the sessions used last are kept ready.

    `rotates` says whether there are other keys than the sealing one.
    """

    def __init__(self, keyring: Keyring, *, namespace: str, entropy: Entropy) -> None:
        self._keyring = keyring
        self._ring = keyring.current()
        self.rotates = len(self._ring) > 1
        self._namespace = namespace
        self._entropy = entropy
        self._seals: OrderedDict[str, SessionSeal] = OrderedDict()

    def __len__(self) -> int:
        return len(self._seals)

    def of(self, session_id: str) -> SessionSeal:
        """Give the seal of one session, by the keys as they are now."""
        ring = self._keyring.current()
        if ring is not self._ring:
            self._ring = ring
            self.rotates = len(ring) > 1
            self._seals.clear()
        seal = self._seals.get(session_id)
        if seal is None:
            seal = self._seals[session_id] = SessionSeal(
                self._keyring,
                namespace=self._namespace,
                session_id=session_id,
                entropy=self._entropy,
            )
            if len(self._seals) > SESSIONS_KEPT:
                self._seals.popitem(last=False)
        self._seals.move_to_end(session_id)
        return seal

    def user_tags(self, user_id: str) -> tuple[bytes, ...]:
        """Name a user in the index, under each key; the first one is for new sessions."""
        return tuple(self.user_keys(user_id))

    def user_keys(self, user_id: str) -> dict[bytes, str]:
        """Say for each tag of a user under which key it is made, the sealing one first."""
        name = user_id.encode()
        return {
            hmac.digest(key.derive("user", self._namespace), name, "sha256")[:TAG_BYTES]: key.key_id
            for key in self._keyring.current()
        }
