"""Checklist H: what is sealed opens nowhere else, under no other key, and not after a change."""

import ast
import base64
import os
import re
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from itertools import combinations
from pathlib import Path
from typing import Any, Final

import pytest

import holdfast
from benchmarks.key_rotation.running import Run, rotate_under_load
from holdfast import DecryptionFailed, Keyring, Session, SessionStore, open_store
from holdfast.backend import Found, Read
from holdfast.errors import InvalidKeyring
from tests.security.raw_stores import Raw, RawStore, raw_of

KEYS: Final = Keyring.generate("sealed")
SOURCE: Final = Path(holdfast.__file__).parent
ITEMS: Final = ("first", "second")
DRAFT: Final = {"draft": 1}


class Note(Session):
    secret: str = ""
    other: str = ""


Store = SessionStore[Note]
Attack = Callable[[Raw, Raw], Iterator[Raw]]


@pytest.fixture
async def store(store_url: str) -> AsyncGenerator[Store]:
    """A store with a victim, a neighbour, and one whom nobody touches."""
    async with open_store(store_url, model=Note, keys=KEYS) as store:
        for name in ("victim", "neighbour", "untouched"):
            await store.create(name, user_id=f"user of {name}", secret=f"{name}'s", other="o")
            for item in ITEMS:
                await store.append(name, f"{name}: {item}")
            await store.keep_draft(name, DRAFT)
        yield store


@pytest.fixture
async def raw(store_url: str, store: Store) -> AsyncGenerator[RawStore]:
    async with raw_of(store_url, store) as raw:
        yield raw


async def everything(store: Store, name: str) -> tuple[Any, ...]:
    """Read a session, its log and its draft."""
    return await store.get(name), _plain(await store.items(name)), await store.read_draft(name)


async def opened(store: Store, name: str) -> list[Any]:
    """Say which of the three can still be read, and what they gave."""
    found: list[Any] = []
    for read in (store.get, store.items, store.read_draft):
        with suppress(DecryptionFailed):
            found.append(_plain(await read(name)))
    return found


async def refuse_all(store: Store, raw: RawStore, attacks: Iterator[Raw]) -> int:
    """Make each attack on the victim: one thing less can be read, nothing else is given for it."""
    before, sound = raw.read("victim"), await everything(store, "victim")
    others = [await everything(store, name) for name in ("neighbour", "untouched")]
    made = 0
    for attacked in attacks:
        made += 1
        raw.write("victim", attacked)
        left = await opened(store, "victim")
        assert len(left) == 2, attacked
        assert all(one in sound for one in left), attacked
    assert [await everything(store, name) for name in ("neighbour", "untouched")] == others
    page = await store.list_active()
    assert {session.session_id for session in page.sessions} >= {"neighbour", "untouched"}
    raw.write("victim", before)
    assert await everything(store, "victim") == sound
    return made


def _plain(found: Any) -> Any:
    """Give the values of a log in the place of its items."""
    return [item.value for item in found] if isinstance(found, list) else found


def each_part(raw: Raw, alter: Callable[[bytes], Iterator[bytes]]) -> Iterator[Raw]:
    """Alter every value, every item and the draft, one at a time, in every way."""
    for tag, sealed in raw.values.items():
        for altered in alter(sealed):
            yield replace(raw, values={**raw.values, tag: altered})
    for place, sealed in enumerate(raw.items):
        for altered in alter(sealed):
            items = (*raw.items[:place], altered, *raw.items[place + 1 :])
            yield replace(raw, items=items)
    for altered in alter(raw.draft):
        yield replace(raw, draft=altered)


def flipped(sealed: bytes) -> Iterator[bytes]:
    """Flip the lowest bit of each byte, and the highest."""
    for place in range(len(sealed)):
        for bit in (0x01, 0x80):
            yield sealed[:place] + bytes((sealed[place] ^ bit,)) + sealed[place + 1 :]


def cut(sealed: bytes) -> Iterator[bytes]:
    """Leave the end away, or the beginning, or put something behind it."""
    for length in range(1, len(sealed)):
        yield sealed[:length]
        yield sealed[length:]
    yield sealed + b"\0"
    yield sealed + sealed


def plainly(_: bytes) -> Iterator[bytes]:
    """Write the text itself, as it would stand in the seal."""
    yield b'f"secret":"forged"'
    yield b'"forged"'
    yield b'{"draft":1}'
    yield b"\x01\x00" + b'f"secret":"forged"'
    yield b"\x00"


def renamed(key_id: str) -> Callable[[bytes], Iterator[bytes]]:
    """Say in the envelope that it was sealed under another key."""

    def rename(sealed: bytes) -> Iterator[bytes]:
        body = sealed[3 + sealed[2] :]
        yield bytes((*sealed[:2], len(key_id))) + key_id.encode() + body

    return rename


async def test_security_071_no_byte_can_be_altered(store: Store, raw: RawStore) -> None:
    """Each byte of each value, item and draft."""
    victim = raw.read("victim")
    size = sum(map(len, (*victim.values.values(), *victim.items, victim.draft)))
    assert await refuse_all(store, raw, each_part(victim, flipped)) == 2 * size


async def test_security_071_nothing_can_be_cut_or_made_longer(store: Store, raw: RawStore) -> None:
    """At any place."""
    assert await refuse_all(store, raw, each_part(raw.read("victim"), cut)) > 500


def moved(victim: Raw, neighbour: Raw) -> Iterator[Raw]:
    """Put parts where others belong: of the same session, and of another one."""
    for first, second in combinations(victim.values, 2):
        swapped = {first: victim.values[second], second: victim.values[first]}
        yield replace(victim, values={**victim.values, **swapped})
        yield replace(victim, values={**victim.values, first: victim.values[second]})
    for tag in victim.values:
        for sealed in (*neighbour.values.values(), *victim.items, victim.draft):
            yield replace(victim, values={**victim.values, tag: sealed})
    yield replace(victim, values=neighbour.values)
    yield replace(victim, items=victim.items[::-1])
    yield replace(victim, items=neighbour.items)
    for sealed in (*neighbour.items, *victim.values.values(), victim.draft):
        yield replace(victim, items=(sealed, victim.items[1]))
    yield replace(victim, items=(victim.items[1], victim.items[1]))
    for sealed in (neighbour.draft, *victim.values.values(), *victim.items):
        yield replace(victim, draft=sealed)


async def test_security_071_what_is_moved_does_not_open(store: Store, raw: RawStore) -> None:
    """To another session, another field, another item, or what is no field at all."""
    attacks = moved(raw.read("victim"), raw.read("neighbour"))
    assert await refuse_all(store, raw, attacks) > 30


async def test_security_071_another_namespace_shares_nothing(store: Store, raw: RawStore) -> None:
    """The same session of the same keys, sealed in another namespace, does not open here."""
    terms = store.terms._replace(namespace="other")
    other: Store = SessionStore(store.backend, model=Note, keys=KEYS, terms=terms)
    await other.create("victim", user_id="user of victim", secret="theirs")
    there = await store.backend.execute(Read("other/victim"))
    assert isinstance(there, Found)
    attacked = replace(raw.read("victim"), values=dict(there.record.values))
    assert await refuse_all(store, raw, iter([attacked])) == 1


@pytest.mark.parametrize("key_id", ["unknown", "second", ""])
async def test_security_073_the_key_is_chosen_by_its_id_alone(
    store: Store, raw: RawStore, key_id: str
) -> None:
    """An unknown id is an error; so is a known one that did not seal it. No other key is tried."""
    both = Keyring.from_text(f"{KEYS.to_text()},{Keyring.generate('second').to_text()}")
    reader: Store = SessionStore(store.backend, model=Note, keys=both)
    attacks = each_part(raw.read("victim"), renamed(key_id))
    assert await refuse_all(reader, raw, attacks) == 6
    alone: Store = SessionStore(store.backend, model=Note, keys=Keyring.generate("sealed"))
    assert await opened(alone, "victim") == []


async def test_security_073_plaintext_is_refused(store: Store, raw: RawStore) -> None:
    """Where ciphertext has to be, whatever it looks like."""
    assert await refuse_all(store, raw, each_part(raw.read("victim"), plainly)) == 30


def test_security_070_a_key_has_32_random_bytes() -> None:
    """Every other length is named, and so is a passphrase, a pattern or an example."""
    for length in (*range(32), 33, 48, 64):
        with pytest.raises(InvalidKeyring, match=f"{length} bytes"):
            Keyring.from_text(f"k:{base64.b64encode(os.urandom(length)).decode()}")
    examples = (
        b"your-32-byte-secret-key-goes-he!",
        b"changemechangemechangemechangeme",
        bytes(32),
        b"\xff" * 32,
        bytes(range(32)),
        bytes(range(32, 0, -1)),
        b"\x01\x02" * 16,
    )
    for example in examples:
        written = base64.b64encode(example).decode()
        with pytest.raises(InvalidKeyring, match="not random") as refused:
            Keyring.from_text(f"k:{written}")
        assert written[:8] not in str(refused.value)


def purposes() -> dict[str, set[str]]:
    """Find every purpose that the source derives a key for, and in which modules; else its code."""
    found: dict[str, set[str]] = {}
    for path in SOURCE.rglob("*.py"):
        text = path.read_text()
        if re.search(r"\.(derive|seal|open)\b", text) is None:
            continue
        for call in ast.walk(ast.parse(text)):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.args:
                purpose, verb = call.args[0], call.func.attr
                named = isinstance(purpose, ast.Constant) and isinstance(purpose.value, str)
                if verb == "derive" or (verb in {"seal", "open"} and named and len(call.args) == 3):
                    place = path.relative_to(SOURCE).as_posix()
                    found.setdefault(ast.unparse(purpose), set()).add(place)
    return found


def test_security_072_each_purpose_has_a_key_of_its_own() -> None:
    """No purpose is used for two things, and those of one context have different keys."""
    found = purposes()
    named = {ast.literal_eval(purpose) for purpose in found if purpose.startswith("'")}
    assert {"value", "item", "draft", "tag", "user", "limit", "fingerprint", "audit"} <= named
    assert {"access-token", "refresh-token", "budget", "rotation"} <= named
    assert [places for purpose, places in found.items() if not purpose.startswith("'")] == [
        {"sealing.py"}
    ]
    shared = {ast.literal_eval(name) for name, places in found.items() if len(places) > 1}
    assert shared <= {"value", "item", "draft"}
    root = KEYS.primary
    for context in ((), ("default",), ("default", "session")):
        keys = {root.derive(purpose, *context) for purpose in named}
        keys |= {root.extracted, sha256(root.extracted).digest()}
        assert len(keys) == len(named) + 2


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_security_074_keys_turn_under_load(store_url: str, tmp_path: Path) -> None:
    """A key a second, and the job killed: no failed read, no lost update, nothing left behind."""
    result = await rotate_under_load(Run(store_url, tmp_path, rotations=6))
    assert result.failures() == []
    assert result.turned.retired == result.turned.rotations >= 6
    assert result.turned.kills >= 2
    assert result.report.reads > 100
    assert result.report.writes > 50
