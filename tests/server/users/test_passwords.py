"""Which passwords are taken, and how they are hashed."""

import asyncio
import os
import threading
from collections.abc import Generator

import bcrypt
import pytest

from holdfast.server.users import HashingBusy, InvalidUser
from holdfast.server.users.hashing import NICENESS, Cost, Hasher, is_old
from holdfast.server.users.passwords import LONGEST, check_password, normal_password

QUICK = Cost(memory_kib=64, passes=1, lanes=1)


@pytest.fixture
def hasher() -> Generator[Hasher]:
    hasher = Hasher(QUICK, line=3)
    yield hasher
    hasher.close()


@pytest.mark.parametrize(
    "password",
    [
        "four lamps on a quiet quay",
        "eleven heron sky",
        "4839-2018-4732-9938",
        "7f$9-k2#8*4@1!55%&",
        "fünf Störche über Köln",
        "fünf Störche",  # too short as it stands, long enough below
        "secret garden of summer flowers",
        "八月の静かな港に灯る四つのランプ",
    ],
)
def test_passwords_that_nobody_guesses_early_are_taken(password: str) -> None:
    """Words, digits, signs, any script: only the length is asked for."""
    check_password(password.ljust(15, "~") if len(password) < 15 else password, name="anna")


@pytest.mark.parametrize(
    "password",
    [
        "aaaaaaaaaaaaaaaaaaaa",
        "abababababababab",
        "anna-anna-anna-anna",
        "123456789012345",
        "987654321098765432",
        "abcdefghijklmnopq",
        "qwertyuiopasdfgh",
        "mnbvcxzlkjhgfdsa",
        "password1234567",
        "P@ssw0rd1234567",
        "PasswordPassword",
        "holdfast-2026!!",
        "holdfast holdfast",
        "annas password 1",
        "admin.admin.2026",
        "correct horse battery staple",
        "Welcome2Holdfast!",
    ],
)
def test_passwords_that_somebody_guesses_early_are_refused(password: str) -> None:
    """Lists, repetitions, walks along a keyboard, the names of user and service."""
    with pytest.raises(InvalidUser, match="easily guessed") as refusal:
        check_password(password, name="anna")
    assert password not in str(refusal.value)


def test_what_is_no_text_is_refused_before_it_is_hashed() -> None:
    """A lone surrogate has no bytes; a password longer than the longest is nobody's."""
    with pytest.raises(InvalidUser):
        check_password("\ud800" * 20, name="anna")
    assert normal_password("\ud800") is None
    assert normal_password("x" * (LONGEST + 1)) is None


@pytest.mark.parametrize(
    ("text", "old"),
    [
        (bcrypt.hashpw(b"x", bcrypt.gensalt(4)).decode(), True),
        (bcrypt.hashpw(b"x", bcrypt.gensalt(4, b"2a")).decode(), True),
        (bcrypt.hashpw(b"x", bcrypt.gensalt(4)).decode().replace("$2b$", "$2y$"), True),
        (bcrypt.hashpw(b"x", bcrypt.gensalt(4)).decode().replace("$04$", "$03$"), False),
        (bcrypt.hashpw(b"x", bcrypt.gensalt(4)).decode().replace("$04$", "$31$"), False),
        (f"$2b$04${'.' * 21}B{'.' * 31}", False),
        ("$2b$04$short", False),
        ("plaintext", False),
        ("", False),
    ],
    # Their salts are others in each process.
    ids=["2b", "2a", "2y", "too-cheap", "too-dear", "no-salt", "short", "plain", "empty"],
)
def test_hashes_of_bcrypt_are_known_by_their_form(text: str, *, old: bool) -> None:
    """Also that one of too many rounds, which would keep a thread busy for days, is none."""
    assert is_old(text) is old


async def test_every_wrong_password_takes_the_work_of_the_slowest_old_hash(
    hasher: Hasher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody can tell by the time whether a name is known whose hash has fewer rounds."""
    work: list[int] = []
    check = bcrypt.checkpw

    def seen(password: bytes, hashed: bytes) -> bool:
        work.append(2 ** int(hashed[4:6]))
        return check(password, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", seen)
    spent: list[int] = []
    for rounds in (4, 5, 7):
        known = bcrypt.hashpw(b"right", bcrypt.gensalt(rounds)).decode()
        assert not await hasher.verify(known, b"wrong", old_rounds=7)
        spent.append(sum(work))
        work.clear()
        assert await hasher.verify(known, b"right", old_rounds=7)
        work.clear()
    assert not await hasher.verify(None, b"wrong", old_rounds=7)
    assert spent == [sum(work)] * 3 == [2**7] * 3


async def test_a_full_line_is_refused_and_goes_on_when_there_is_room(hasher: Hasher) -> None:
    """No more than the line holds ever wait; nobody who was in it is lost."""
    known = await hasher.hash(b"right")
    asked = (hasher.verify(known, b"right", old_rounds=None) for _ in range(10))
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert answers.count(True) == 3
    assert sum(isinstance(answer, HashingBusy) for answer in answers) == 7
    assert await hasher.verify(known, b"right", old_rounds=None)


async def test_those_who_give_up_leave_the_line(hasher: Hasher) -> None:
    """Cancelled callers make room for others."""
    waiting = [asyncio.ensure_future(hasher.hash(b"right")) for _ in range(3)]
    await asyncio.sleep(0)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert await hasher.hash(b"right")


async def test_hashing_gives_way_to_everything_else(hasher: Hasher) -> None:
    """Its threads are less urgent to the system than the one that they were started from."""
    seen: list[int] = []

    class Seeing(Hasher):
        def _matches(self, known: str, password: bytes) -> bool:
            thread = threading.get_native_id()
            seen.append(os.getpriority(os.PRIO_PROCESS, thread))
            return super()._matches(known, password)

    seeing = Seeing(QUICK)
    await seeing.verify(None, b"", old_rounds=None)
    seeing.close()
    assert seen == [os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) + NICENESS]


async def test_nothing_of_a_damaged_hash_matches(hasher: Hasher) -> None:
    """A hash that is none is a wrong password, not an error."""
    for known in ("", "x", "$argon2id$v=19$m=64,t=1,p=1$", "$argon2id$nonsense"):
        assert not await hasher.verify(known, b"", old_rounds=None)
