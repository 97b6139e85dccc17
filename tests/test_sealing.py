"""Sealed values open where they were sealed, with a key of the keyring, and nowhere else."""

import multiprocessing
import re
import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.entropy import BLOCK_BYTES, Entropy
from holdfast.errors import DecryptionFailed
from holdfast.keyring import Keyring
from holdfast.sealing import NAME_BYTES, NONCE_BYTES, SESSIONS_KEPT, Sealer, SessionSeal

KEYRING = Keyring([("new", secrets.token_bytes(32)), ("old", secrets.token_bytes(32))])
OLD = Keyring.from_text(KEYRING.to_text().split(",")[1])
PLAIN = 'f"topic":"refund é"'.encode()


def seal_of(
    session_id: str = "alpha", *, namespace: str = "ns", keyring: Keyring = KEYRING
) -> SessionSeal:
    return SessionSeal(keyring, namespace=namespace, session_id=session_id, entropy=Entropy())


def fails(seal: SessionSeal, purpose: str, place: bytes, sealed: bytes) -> bool:
    """Say whether it does not open; data, or another error, would be the end of the test."""
    with pytest.raises(DecryptionFailed) as failure:
        seal.open(purpose, place, sealed)
    return PLAIN.decode() not in str(failure.value)


@given(st.binary(max_size=200), st.binary(max_size=30))
def test_what_was_sealed_opens(plain: bytes, place: bytes) -> None:
    """Byte for byte, also after the seal was made anew."""
    sealed = seal_of().seal("value", place, plain)
    assert seal_of().open("value", place, sealed) == plain
    assert not plain or len(plain) < 4 or plain not in sealed


def test_every_altered_byte_is_noticed() -> None:
    """Each bit pattern of each byte: header, key id, nonce, ciphertext and tag alike."""
    seal = seal_of()
    sealed = seal.seal("value", b"t", PLAIN)
    for place in range(len(sealed)):
        for mask in (0x01, 0x80, 0xFF, *(1 << bit for bit in range(1, 7))):
            altered = bytearray(sealed)
            altered[place] ^= mask
            assert fails(seal, "value", b"t", bytes(altered)), (place, mask)


def test_every_truncation_and_every_addition_is_noticed() -> None:
    """Nothing at all, every beginning, every end, and anything more."""
    seal = seal_of()
    sealed = seal.seal("value", b"t", PLAIN)
    for length in range(len(sealed)):
        assert fails(seal, "value", b"t", sealed[:length]), length
        assert fails(seal, "value", b"t", sealed[length + 1 :]), length
    assert fails(seal, "value", b"t", sealed + b"\x00")
    assert fails(seal, "value", b"t", sealed + sealed)


def test_a_value_opens_at_its_place_only() -> None:
    """Not in another field, purpose, session or namespace, however alike their names are."""
    sealed = seal_of("alpha", namespace="ns").seal("value", b"t", PLAIN)
    for session_id, namespace, purpose, place in (
        ("alpha", "ns", "value", b"u"),
        ("alpha", "ns", "value", b""),
        ("alpha", "ns", "item", b"t"),
        ("beta", "ns", "value", b"t"),
        ("Alpha", "ns", "value", b"t"),
        ("alpha", "n", "value", b"t"),
        ("salpha", "n", "value", b"t"),
        ("ns", "alpha", "value", b"t"),
    ):
        assert fails(seal_of(session_id, namespace=namespace), purpose, place, sealed)


@given(st.binary(max_size=80))
def test_what_was_never_sealed_does_not_open(text: bytes) -> None:
    """Plain text, JSON, noise, and what begins like an envelope."""
    assert fails(seal_of(), "value", b"t", text)
    assert fails(seal_of(), "value", b"t", b"\x01\x01\x03new" + text)
    assert fails(seal_of(), "value", b"t", b"\x01\x01" + text)


def test_an_unknown_key_is_said_to_be_unknown() -> None:
    """A keyring without the key, and one with another key under the same id."""
    sealed = seal_of().seal("value", b"t", PLAIN)
    with pytest.raises(DecryptionFailed, match="the keyring does not hold"):
        seal_of(keyring=OLD).open("value", b"t", sealed)
    impostor = Keyring([("new", secrets.token_bytes(32))])
    with pytest.raises(DecryptionFailed, match="does not open with its key"):
        seal_of(keyring=impostor).open("value", b"t", sealed)


def test_the_key_id_is_part_of_what_is_sealed() -> None:
    """Even where two ids stand for the same key, one cannot be written in the other's place."""
    secret = secrets.token_bytes(32)
    seal = seal_of(keyring=Keyring([("one", secret), ("two", secret)]))
    sealed = seal.seal("value", b"t", PLAIN)
    assert sealed[3:6] == b"one"
    assert fails(seal, "value", b"t", sealed[:3] + b"two" + sealed[6:])


def test_old_values_open_after_a_rotation() -> None:
    """The new key seals, the old one still opens what it sealed."""
    old = seal_of(keyring=OLD).seal("value", b"t", PLAIN)
    new = seal_of().seal("value", b"t", PLAIN)
    assert seal_of().open("value", b"t", old) == seal_of().open("value", b"t", new) == PLAIN
    assert fails(seal_of(keyring=OLD), "value", b"t", new)


def test_the_names_of_fields_are_hidden_and_apart() -> None:
    """A field's tag is the same each time, and another in each session, namespace and key."""
    tags = {
        seal_of(session_id, namespace=namespace, keyring=keyring).tag(name)
        for session_id in ("alpha", "beta")
        for namespace in ("ns", "other")
        for keyring in (KEYRING, OLD)
        for name in ("ftopic", "mtopic")
    }
    assert len(tags) == 16
    assert {len(tag) for tag in tags} == {NAME_BYTES}
    assert seal_of().tag("ftopic") == seal_of().tag("ftopic")


def test_the_older_names_of_a_field_are_known() -> None:
    """Under each older key a value may still lie under the tag of then."""
    assert seal_of().older_tags("ftopic") == (seal_of(keyring=OLD).tag("ftopic"),)
    assert seal_of(keyring=OLD).older_tags("ftopic") == ()


def test_a_digest_outlives_a_rotation() -> None:
    """A retry that comes after a key was added in front is still recognised."""
    assert seal_of().digests(b"content")[1:] == seal_of(keyring=OLD).digests(b"content")
    assert not {*seal_of().digests(b"content")} & {*seal_of().digests(b"other")}
    assert not {*seal_of("beta").digests(b"content")} & {*seal_of().digests(b"content")}


def test_a_user_is_named_in_the_index_under_each_key() -> None:
    """The present tag first; namespaces and users apart."""
    sealer, old = (Sealer(keyring, namespace="ns", entropy=Entropy()) for keyring in (KEYRING, OLD))
    tags = sealer.user_tags("ann")
    assert tags[1:] == old.user_tags("ann")
    other = Sealer(KEYRING, namespace="other", entropy=Entropy())
    assert not {*tags} & {*other.user_tags("ann"), *sealer.user_tags("Ann")}


def test_nonces_are_never_used_twice() -> None:
    """Ten thousand values of one session, across many blocks of randomness."""
    seal = seal_of()
    header = 3 + len("new")
    sealed = [seal.seal("value", b"t", b"same") for _ in range(10_000)]
    assert len({value[header : header + NONCE_BYTES] for value in sealed}) == 10_000
    assert len({value[header + NONCE_BYTES :] for value in sealed}) == 10_000


def _take_after_fork(entropy: Entropy, results: "multiprocessing.SimpleQueue[bytes]") -> None:
    results.put(b"".join(entropy.take(NONCE_BYTES) for _ in range(10)))


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_process_does_not_repeat_its_parents_nonces() -> None:
    """Two children and the parent, forked in the middle of a block, draw different bytes."""
    forking = multiprocessing.get_context("fork")
    entropy = Entropy()
    entropy.take(NONCE_BYTES)
    results = forking.SimpleQueue()
    children = [forking.Process(target=_take_after_fork, args=(entropy, results)) for _ in range(2)]
    for child in children:
        child.start()
    drawn = [results.get() for _ in children]
    drawn.append(b"".join(entropy.take(NONCE_BYTES) for _ in range(10)))
    for child in children:
        child.join(10)
        assert child.exitcode == 0
    assert len({*drawn}) == 3
    nonces = [taken[place : place + NONCE_BYTES] for taken in drawn for place in range(0, 120, 12)]
    assert len({*nonces}) == 30


def test_randomness_comes_in_any_size() -> None:
    """Also more than a block, and nothing; never the same twice."""
    entropy = Entropy()
    sizes = (1, 12, BLOCK_BYTES - 5, 12, BLOCK_BYTES, 3 * BLOCK_BYTES, 16)
    taken = [entropy.take(size) for size in sizes]
    assert tuple(map(len, taken)) == sizes
    assert entropy.take(0) == b""
    assert len({entropy.token() for _ in range(1000)}) == 1000


def test_names_hold_128_random_bits() -> None:
    """In 26 letters and digits that fold to themselves; the last one has three bits."""
    entropy = Entropy()
    names = {entropy.name() for _ in range(1000)}
    assert len(names) == 1000
    assert all(re.fullmatch("[a-z2-7]{25}[aeimquy4]", name) for name in names)
    assert {len({name[place] for name in names}) for place in range(25)} == {32}


def test_the_seals_that_are_kept_ready_are_bounded() -> None:
    """Those used last are kept; one that was dropped is made anew and opens the same."""
    sealer = Sealer(KEYRING, namespace="ns", entropy=Entropy())
    first, second = sealer.of("first"), sealer.of("second")
    sealed = second.seal("value", b"t", PLAIN)
    for number in range(SESSIONS_KEPT + 10):
        sealer.of(f"s{number}")
        assert sealer.of("first") is first
    assert len(sealer) == SESSIONS_KEPT
    assert sealer.of("second") is not second
    assert sealer.of("second").open("value", b"t", sealed) == PLAIN
