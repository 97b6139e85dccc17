"""Checklist D: how often a password may be tried, by whom, and what that costs."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from holdfast import Keyring, Session, SessionStore, open_store
from holdfast.backends.memory import MemoryBackend
from holdfast.server.auth.known_devices import LONGEST_KNOWN, KnownDevices
from holdfast.server.auth.throttle import Admission, Throttle, account_of
from holdfast.server.users.errors import HashingBusy
from holdfast.server.users.hashing import LONGEST_LINE
from holdfast.server.users.user import normal_name
from holdfast.testing import ManualClock
from tests.security.guard_jobs import ATTACKER, OWNER, guess
from tests.security.processes import KEYS, Processes
from tests.security.signing import PASSWORD, add_staff, token_of
from tests.server.conftest import Opening

LIMIT = 5
LOGIN = "/v1/auth/login"
MONTH = 30 * 86_400


@pytest.fixture
async def throttle(store_url: str) -> AsyncIterator[Throttle]:
    """A throttle on each store."""
    async with open_store(store_url, keys=KEYS) as store:
        yield Throttle(store, KEYS, limit=LIMIT)


class Moved:
    """A throttle in memory whose time is moved by hand."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.backend = MemoryBackend(clock=self.clock.clock)
        store = SessionStore(self.backend, model=Session, keys=KEYS, clock=self.clock.clock)
        now = self.clock.clock.wall
        self.throttle = Throttle(store, KEYS, limit=LIMIT, now=lambda: now() / 1_000_000)

    async def waited(self, cookie: str) -> int:
        """Try once a second until a try is admitted, and say for how many seconds."""
        seconds = 0
        while not (await self.throttle.admit("owner", ATTACKER, cookie)).allowed:
            self.clock.advance(1)
            seconds += 1
        return seconds


@pytest.fixture
def moved() -> Moved:
    return Moved()


async def fail(throttle: Throttle, network: str = ATTACKER, *, times: int = LIMIT) -> None:
    """Have wrong passwords tried; each of them comes to be hashed."""
    for _ in range(times):
        assert (await throttle.admit("owner", network)).allowed


@pytest.mark.parametrize("known", [False, True])
async def test_security_041_parallel_tries_do_not_pass_together(
    throttle: Throttle, known: bool
) -> None:
    """Of two hundred at once exactly as many reach the hasher as may, round after round."""
    cookie = await throttle.succeeded(await throttle.admit("owner", OWNER)) if known else None
    for _ in range(5):
        tries = (throttle.admit("owner", ATTACKER, cookie) for _ in range(200))
        admitted = [one for one in await asyncio.gather(*tries) if one.allowed]
        assert len(admitted) == LIMIT
        for admission in admitted:
            await throttle.succeeded(admission)


async def test_security_041_nobody_passes_between_the_last_free_try_and_its_wait(
    throttle: Throttle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long it takes to keep who has to wait, nobody who comes meanwhile is one more."""
    cookie = await throttle.succeeded(await throttle.admit("owner", OWNER))
    await asyncio.gather(*(throttle.admit("owner", OWNER, cookie) for _ in range(LIMIT - 1)))
    keep, came, held = throttle.waiting.create, asyncio.Event(), asyncio.Event()

    async def slowly(name: str, **terms: Any) -> Session:
        monkeypatch.undo()
        came.set()
        await held.wait()
        return await keep(name, **terms)

    monkeypatch.setattr(throttle.waiting, "create", slowly)
    slow = asyncio.create_task(throttle.admit("owner", OWNER, cookie))
    await came.wait()
    tries = [await throttle.admit("owner", OWNER, cookie) for _ in range(LIMIT)]
    held.set()
    assert sum(one.allowed for one in (await slow, *tries)) == 1


@pytest.mark.parametrize("networks", [1, 100])
@pytest.mark.parametrize("known", [False, True])
async def test_security_041_processes_do_not_pass_together(
    processes: Processes, shared_url: str, networks: int, known: bool
) -> None:
    """Two hundred from two processes, from one network or a hundred; with and without a cookie."""
    async with open_store(shared_url, keys=KEYS) as store:
        throttle = Throttle(store, KEYS, limit=LIMIT)
        owner = await throttle.succeeded(await throttle.admit("owner", OWNER))
        hashed = await processes.run(guess, shared_url, told=(owner if known else None, networks))
        assert sum(hashed) == LIMIT
        other = await throttle.succeeded(Admission(True, account="owner", network=OWNER))
        assert (await throttle.admit("owner", OWNER, other)).allowed


async def test_security_041_a_network_is_told_when_to_come_again(throttle: Throttle) -> None:
    """It has many names to try, not endlessly many; only this limit says when."""
    for number in range(10 * LIMIT):
        assert (await throttle.admit(f"name {number}", ATTACKER)).allowed
    refused = await throttle.admit("another", ATTACKER)
    assert not refused.allowed
    assert refused.retry_after is not None
    assert 0 < refused.retry_after <= 300 // LIMIT
    assert (await throttle.admit("another", OWNER)).allowed


async def test_security_040_an_account_does_not_show_that_it_is_throttled(
    throttle: Throttle,
) -> None:
    """Nothing but the network's own limit comes with a time, whoever is asked for."""
    await fail(throttle)
    assert await throttle.admit("owner", OWNER) == Admission(False)
    assert await throttle.admit("owner", ATTACKER) == Admission(False)


async def test_security_040_all_who_are_refused_are_answered_alike(opening: Opening) -> None:
    """Unknown, wrong, disabled, throttled: the same status, headers and body."""
    async with opening(headers={"X-Request-ID": "alike"}, rate_limit=False) as client:
        app: FastAPI = client.app  # type: ignore[attr-defined]
        users, throttle = app.state.service.users, app.state.sign_in.throttle
        await add_staff(app, "ann", "bob", "zoe")
        await users.disable((await users.find("bob")).user_id)
        for number in range(LIMIT):
            await throttle.admit("zoe", f"network {number}")
        tries = [
            ("nobody", PASSWORD), ("no name\n", PASSWORD), ("ann", "wrong"), ("ann", "x" * 2000),
            ("bob", PASSWORD), ("zoe", PASSWORD),
        ]  # fmt: skip
        answers = [
            await client.post(LOGIN, json={"username": name, "password": password})
            for name, password in tries
        ]
        for answer in answers:
            del answer.headers["X-Process-Time"]
            assert (answer.status_code, answer.headers) == (401, answers[0].headers)
            assert answer.json() == answers[0].json()


async def test_security_042_delays_double_up_to_a_quarter_of_an_hour(moved: Moved) -> None:
    """After the free tries: 1, 2, 4, … s since the last one that was admitted."""
    cookie = await moved.throttle.succeeded(await moved.throttle.admit("owner", OWNER))
    waits = [await moved.waited(cookie) for _ in range(LIMIT + 12)]
    assert waits == [0] * LIMIT + [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]


async def test_security_043_the_owner_is_not_locked_out(throttle: Throttle) -> None:
    """While somebody else guesses, a device that is known gets in; one that is not does not."""
    cookie = await throttle.succeeded(await throttle.admit("owner", OWNER))
    await fail(throttle)
    assert not (await throttle.admit("owner", OWNER)).allowed
    assert (await throttle.admit("owner", OWNER, cookie)).allowed
    assert (await throttle.admit("OWNER ", ATTACKER, cookie)).allowed


async def test_security_043_neighbours_do_not_lock_the_owner_out(throttle: Throttle) -> None:
    """Where a whole network is refused, a known device of that network gets in, so often."""
    cookie = await throttle.succeeded(await throttle.admit("owner", ATTACKER))
    for number in range(10 * LIMIT):
        assert (await throttle.admit(f"name {number}", ATTACKER)).allowed
    assert (await throttle.admit("owner", ATTACKER)).retry_after is not None
    assert (await throttle.admit("other", ATTACKER, cookie)).retry_after is not None
    tries = [await throttle.admit("owner", ATTACKER, cookie) for _ in range(2 * LIMIT)]
    assert [one.allowed for one in tries] == [True] * LIMIT + [False] * LIMIT


async def test_security_043_a_crowd_keeps_no_known_device_out(
    opening: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While as many passwords of strangers wait to be hashed as may, known devices do not wait."""
    async with opening(headers={}) as client:
        client.base_url = httpx2.URL("https://127.0.0.1")
        app: FastAPI = client.app  # type: ignore[attr-defined]
        await add_staff(app, "ann")
        await token_of(client)
        monkeypatch.setattr(app.state.service.users._hasher, "_waiting", LONGEST_LINE)
        await token_of(client)
        client.cookies.clear()
        answer = await client.post(LOGIN, json={"username": "ann", "password": PASSWORD})
        assert (answer.status_code, answer.json()["code"]) == (503, "SIGN_IN_BUSY")


async def test_security_043_a_cookie_is_good_for_its_account_alone(throttle: Throttle) -> None:
    """Neither a good sign-in of one's own nor a made-up cookie helps with another account."""
    mine = await throttle.succeeded(await throttle.admit("attacker", ATTACKER))
    said, _, signature = mine.rpartition("~")
    await fail(throttle)
    for cookie in (mine, f"{said}~", f"{said}~{signature[::-1]}", "~~~", "é~1~2~3", "x" * 10_000):
        assert not (await throttle.admit("owner", ATTACKER, cookie)).allowed


def test_security_043_a_cookie_is_good_for_half_a_year() -> None:
    """And as long as the key that signed it is there, newest or not."""
    time_is = [1e9]
    old = Keyring.generate("old")
    cookie = KnownDevices(old, now=lambda: time_is[0]).issue("owner")
    both = Keyring.from_text(f"{Keyring.generate('new').to_text()},{old.to_text()}")
    devices = KnownDevices(both, now=lambda: time_is[0])
    assert devices.read(cookie, "owner") == cookie.split("~")[2]
    assert KnownDevices(Keyring.generate("new"), now=lambda: 1e9).read(cookie, "owner") is None
    time_is[0] += LONGEST_KNOWN - 1
    assert devices.read(cookie, "owner") is not None
    time_is[0] += 1
    assert devices.read(cookie, "owner") is None


async def test_security_044_trying_on_does_not_make_it_longer(moved: Moved) -> None:
    """Neither of a pair's delay nor of an account's limit."""
    cookie = await moved.throttle.succeeded(await moved.throttle.admit("owner", OWNER))
    for _ in range(LIMIT):
        await moved.throttle.admit("owner", ATTACKER, cookie)
    for _ in range(9):
        moved.clock.advance(0.1)
        assert not (await moved.throttle.admit("owner", ATTACKER, cookie)).allowed
    moved.clock.advance(0.1)
    assert (await moved.throttle.admit("owner", ATTACKER, cookie)).allowed
    await fail(moved.throttle)
    for second in range(1, 61):
        moved.clock.advance(1)
        admission = await moved.throttle.admit("owner", f"network {second}")
        assert admission.allowed == (second == 60)


async def test_security_045_a_success_takes_back_its_own_try(throttle: Throttle) -> None:
    """The guesses of others before it count on, for the account and for their network."""
    await fail(throttle, times=LIMIT - 1)
    await throttle.succeeded(await throttle.admit("owner", OWNER))
    await fail(throttle, times=1)
    assert not (await throttle.admit("owner", ATTACKER)).allowed
    for number in range(9 * LIMIT):
        await throttle.succeeded(await throttle.admit("attacker", ATTACKER))
        assert (await throttle.admit(f"name {number}", ATTACKER)).allowed
    assert (await throttle.admit("attacker", ATTACKER)).retry_after is not None


async def test_security_041_046_blocked_sign_ins_are_not_hashed(
    opening: Opening, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two hundred at once five passwords are looked at; the answers are one and the same."""
    async with opening(headers={}, store=store_url, rate_limit=False) as client:
        users = client.app.state.service.users  # type: ignore[attr-defined]
        client.base_url = httpx2.URL("https://127.0.0.1")
        await add_staff(client.app, "ann")  # type: ignore[attr-defined]
        await token_of(client)
        device = dict(client.cookies)
        client.cookies.clear()
        looked_at: list[str] = []
        check = users.check

        async def counting(name: str, password: str) -> object:
            looked_at.append(password)
            return await check(name, password)

        monkeypatch.setattr(type(users), "check", lambda _, *said, **_more: counting(*said))
        guesses = ({"username": "ann", "password": f"guess {number}"} for number in range(200))
        answers = await asyncio.gather(*(client.post(LOGIN, json=said) for said in guesses))
        assert len(looked_at) == LIMIT
        assert {answer.status_code for answer in answers} == {401}
        assert len({answer.json()["detail"] for answer in answers}) == 1
        assert not any("retry-after" in answer.headers for answer in answers)
        await refused(client)
        client.cookies.update(device)
        await token_of(client)


async def refused(client: httpx2.AsyncClient) -> None:
    """See that the right password is not enough."""
    answer = await client.post(LOGIN, json={"username": "ann", "password": PASSWORD})
    assert answer.status_code == 401


async def test_who_could_not_be_looked_at_has_not_failed(
    opening: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While too many passwords wait to be hashed, those that are sent away are not counted."""
    async with opening(headers={}) as client:
        users = client.app.state.service.users  # type: ignore[attr-defined]
        await add_staff(client.app, "ann")  # type: ignore[attr-defined]

        async def busy(*_: str, **_more: bool) -> None:
            raise HashingBusy(retry_after=1)

        with monkeypatch.context() as patched:
            patched.setattr(type(users), "check", busy)
            said = {"username": "ann", "password": PASSWORD}
            answers = [await client.post(LOGIN, json=said) for _ in range(2 * LIMIT)]
            assert {answer.status_code for answer in answers} == {503}
        await token_of(client)


async def test_security_046_a_blocked_try_is_cheap(throttle: Throttle) -> None:
    """It is refused before anything is hashed, in less than 5 ms."""
    await fail(throttle)
    seconds = []
    for _ in range(100):
        began = time.perf_counter()
        admission = await throttle.admit("owner", ATTACKER)
        seconds.append(time.perf_counter() - began)
        assert not admission.allowed
    assert statistics.median(seconds) < 0.005


async def test_security_049_random_names_are_forgotten(moved: Moved) -> None:
    """Each leaves three numbers of a limit, for hours; the limits are counted and bounded."""
    limits = moved.backend._limiter
    for number in range(5000):
        await moved.throttle.admit(f"name {number}", f"network {number}")
    assert len(limits) == 3 * 5000
    assert await moved.throttle.waiting.count_active() == 0
    moved.clock.advance(MONTH)
    for number in range(3 * 5000):
        await moved.throttle._networks.look(f"network {number % 10}")
    assert len(limits) == 0


@pytest.mark.parametrize(
    "name", ["Owner", " owner ", "OWNER", "\uff4fwner"]
)  # fmt: skip
def test_spellings_of_a_name_are_counted_together(name: str) -> None:
    """A guesser has not five more tries for each of them."""
    assert account_of(name) == "owner"
    assert account_of("\ud800")


@pytest.mark.parametrize(("name", "other"), [("s\u015b", "\xdf\u0301"), ("\u0399\u0344", "\u0390")])
def test_what_is_one_user_is_counted_as_one_account(name: str, other: str) -> None:
    """Two spellings under which one user is found share their tries, and the owner's devices."""
    assert normal_name(name) == normal_name(other)
    assert account_of(name) == account_of(other) == normal_name(name)
