"""Refresh tokens: exchanged once, forgiving of accidents, deadly to copies."""

import asyncio
import random
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, closing
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest

from holdfast import Keyring
from holdfast.backend import Operation, Outcome
from holdfast.backends.memory import MemoryBackend
from holdfast.fingerprint import Client
from holdfast.server.audit.chain import Entry
from holdfast.server.audit.writer import Writer
from holdfast.server.auth.login import new_login_id
from holdfast.server.auth.recognising import ClientChanged
from holdfast.server.auth.refresh_tokens import LENGTH, RefreshTokens
from holdfast.server.database import DatabaseUnavailable
from holdfast.server.strictness import Strictness
from tests.security import sign_in_jobs
from tests.security.processes import KEYS, Processes
from tests.security.sign_in import AWAY, CHROME, FIREFOX, HOME, NAMESPACE, Desk, desk
from tests.security.signed_in import SignedIn, signing_in
from tests.security.workers import staffed, tokens

ALL = 2 * sign_in_jobs.EACH


@pytest.fixture
async def parts(store_url: str) -> AsyncGenerator[Desk]:
    """Sign-in over each store."""
    async with desk(store_url, KEYS) as parts:
        yield parts


async def is_dead(parts: Desk, token: str) -> bool:
    """Say whether a second connection finds the login of a token gone."""
    read = parts.refresh_tokens.read(token)
    assert read is not None
    return await parts.logins.store.get(read.login_id, fresh=True) is None


async def test_security_028_each_use_gives_a_new_token(parts: Desk) -> None:
    """The used one is known as used; the login counts one more generation each time."""
    token = await parts.token()
    seen = {token}
    for generation in range(1, 4):
        refreshed = await parts.refresh(token)
        assert refreshed.how == "rotated"
        assert refreshed.token not in seen
        token = refreshed.token
        seen.add(token)
        login = await parts.login_of(token)
        assert login is not None
        assert login.generation == generation


async def test_security_029_fifty_at_once_get_one_successor(parts: Desk) -> None:
    """On a warm store, round after round: one is told to have exchanged it."""
    token = await parts.token()
    for generation in range(1, 4):
        every = await asyncio.gather(*(parts.refresh(token) for _ in range(ALL)))
        assert len({one.token for one in every}) == 1
        assert sum(one.how == "rotated" for one in every) == 1
        login = await parts.login_of(token)
        assert login is not None
        assert login.generation == generation
        assert parts.trail.events.count("refresh.rotated") == generation
        token = every[0].token


async def test_security_029_two_processes_get_one_successor(
    processes: Processes, shared_url: str
) -> None:
    """Fifty of them, three times: all succeed, one rotates."""
    async with desk(shared_url, KEYS) as parts:
        token = await parts.token()
        for generation in range(1, 4):
            exchanged: list[sign_in_jobs.Exchanged] = await processes.run(
                sign_in_jobs.refresh_at_once, shared_url, told=token
            )
            given = [one for process in exchanged for one in process.given]
            events = [event for process in exchanged for event in process.events]
            assert len(given) == ALL
            assert len(set(given)) == 1
            assert given[0] not in {None, token}
            assert events.count("refresh.rotated") == 1
            assert events.count("refresh.grace_hit") == ALL - 1
            token = str(given[0])
            login = await parts.login_of(token)
            assert login is not None
            assert login.generation == generation


@pytest.mark.slow
async def test_security_029_two_services_answer_all_alike(tmp_path: Path, shared_url: str) -> None:
    """Fifty requests, half of them to each: fifty times 200, with one and the same successor."""
    async with AsyncExitStack() as services, httpx2.AsyncClient(timeout=60) as client:
        starting = (staffed(tmp_path / name, shared_url) for name in ("one", "other"))
        entering = map(services.enter_async_context, starting)
        started = await asyncio.gather(*entering, return_exceptions=True)
        one, other = (url for url in started if isinstance(url, str))
        pair = await tokens(client, one)
        for generation in range(1, 4):
            body = {"refresh_token": pair["refresh_token"]}
            calls = (
                client.post(f"{url}/v1/auth/refresh", json=body)
                for url in (one, other) * (ALL // 2)
            )
            answers = await asyncio.gather(*calls)
            assert [answer.status_code for answer in answers] == [200] * ALL
            assert len({answer.json()["refresh_token"] for answer in answers}) == 1
            pair = answers[0].json()
            async with desk(shared_url, KEYS) as parts:
                login = await parts.login_of(pair["refresh_token"])
            assert login is not None
            assert login.generation == generation


async def test_security_030_a_lost_answer_is_given_again(parts: Desk) -> None:
    """The same bytes, and nothing about the login changes."""
    token = await parts.token()
    first = await parts.refresh(token)
    before = await parts.login_of(token)
    parts.ahead.seconds += 1.5
    again = await parts.refresh(token)
    assert again.token == first.token
    assert again.how == "repeated"
    assert await parts.login_of(token) == before


async def test_security_031_a_used_token_after_the_grace_ends_the_login(parts: Desk) -> None:
    """At its last second it is an accident, one second later a copy in other hands."""
    token = await parts.token()
    newest = (await parts.refresh(token)).token
    parts.ahead.seconds += 9
    assert (await parts.refresh(token)).token == newest
    parts.ahead.seconds += 2
    assert await parts.refreshing.refresh(token, HOME) is None
    assert await is_dead(parts, token)
    assert parts.trail.events[-1] == "refresh.reused"
    assert await parts.refreshing.refresh(newest, HOME) is None
    assert parts.trail.events[-1] == "refresh.refused"


async def test_security_030_an_outage_of_the_trail_ends_no_sign_in(
    parts: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the client has moved on, or an answer was lost: these are told a moment later."""

    class Out(Writer):
        def __init__(self) -> None:
            pass

        async def write(self, entry: Entry) -> None:
            raise DatabaseUnavailable

        def write_soon(self, entry: Entry) -> bool:
            return True

    token = await parts.token()
    monkeypatch.setattr(parts.trail, "_writer", Out())
    newest = (await parts.refresh(token, AWAY)).token
    assert (await parts.refresh(token, AWAY)).token == newest
    parts.ahead.seconds += 60
    await parts.refresh(newest, AWAY)


@pytest.mark.parametrize(("behind", "passes"), [(10, True), (11, False)])
async def test_security_031_a_clock_that_is_behind_gives_no_more_time(
    parts: Desk, behind: float, passes: bool
) -> None:
    """A worker by whose clock the exchange is yet to come allows the grace, and no more."""
    token = await parts.token()
    newest = (await parts.refresh(token)).token
    parts.ahead.seconds -= behind
    again = await parts.refreshing.refresh(token, HOME)
    assert (again is not None) is passes
    assert await is_dead(parts, newest) is not passes


async def test_security_032_a_token_two_generations_old_ends_the_login(parts: Desk) -> None:
    """Within the grace as well: no accident gets that far."""
    token = await parts.token()
    second = (await parts.refresh(token)).token
    await parts.refresh(second)
    assert await parts.refreshing.refresh(token, HOME) is None
    assert await is_dead(parts, token)
    assert parts.trail.events[-1] == "refresh.reused"


async def test_security_033_the_end_is_there_although_the_answer_is_an_error(
    signed_in: SignedIn,
) -> None:
    """Another connection to the store sees it; the newest tokens open nothing."""
    device = await signed_in.begin("anna")
    newest = (await signed_in.refresh(device.refresh_token)).json()
    signed_in.ahead.seconds += 11
    answer = await signed_in.refresh(device.refresh_token)
    assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHENTICATED")
    if not signed_in.url.startswith("memory"):
        async with desk(signed_in.url, signed_in.keys) as second:
            assert await second.logins.store.get(device.handle) is None
    bearer = {"Authorization": f"Bearer {newest['access_token']}"}
    assert (await signed_in.client.get("/v1/auth/me", headers=bearer)).status_code == 401
    assert (await signed_in.refresh(newest["refresh_token"])).status_code == 401


@pytest.mark.parametrize(
    ("client", "passes"),
    [
        (Client("203.0.113.7", FIREFOX.replace("140", "141")), True),
        (AWAY, True),
        (Client("203.0.113.7", CHROME), False),
        (Client("198.51.100.7", CHROME), False),
    ],
    ids=["newer version", "other network", "other browser", "both"],
)
async def test_security_034_another_browser_makes_no_accident(client: Client, passes: bool) -> None:
    """Who repeats a token is the browser that used it; its network may have changed."""
    async with desk("memory://", KEYS) as parts:
        token = await parts.token()
        newest = (await parts.refresh(token)).token
        again = await parts.refreshing.refresh(token, client)
        assert (again is not None) is passes
        assert await is_dead(parts, newest) is not passes


async def test_security_066_who_repeats_is_held_to_the_client_as_well() -> None:
    """Where nothing may change, the successor is not given to another network."""
    async with desk("memory://", KEYS, strictness=Strictness(staff="strict")) as parts:
        token = await parts.token()
        newest = (await parts.refresh(token)).token
        assert (await parts.refresh(token)).token == newest
        with pytest.raises(ClientChanged):
            await parts.refreshing.refresh(token, AWAY)
        assert await is_dead(parts, newest)


async def test_security_034_a_login_that_ends_meanwhile_is_refused(
    parts: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where its client has changed, and it ends before that is written down: no error."""
    token = await parts.token()
    step_down = parts.logins.step_down

    async def too_late(login_id: str) -> None:
        assert await parts.logins.end(login_id)
        await step_down(login_id)

    monkeypatch.setattr(parts.logins, "step_down", too_late)
    assert await parts.refreshing.refresh(token, Client(HOME.ip_address, CHROME)) is None


async def test_security_034_an_accident_does_not_happen_eleven_times(parts: Desk) -> None:
    """Later than two seconds after the exchange ten repetitions are taken, and no more."""
    token = await parts.token()
    newest = (await parts.refresh(token)).token
    for _ in range(20):
        assert (await parts.refresh(token)).token == newest
    parts.ahead.seconds += 3
    for _ in range(10):
        assert (await parts.refresh(token)).token == newest
    assert await parts.refreshing.refresh(token, HOME) is None
    assert await is_dead(parts, newest)


@pytest.mark.parametrize(("left", "good"), [(1, True), (-1, False)])
async def test_security_035_no_token_outlives_its_sign_in(
    parts: Desk, left: float, good: bool
) -> None:
    """However young it is: what counts is when the user signed in."""
    token = (await parts.refresh(await parts.token())).token
    login = await parts.login_of(token)
    assert login is not None
    parts.ahead.reach(parts.logins.ends(login) - timedelta(seconds=left))
    refreshed = await parts.refreshing.refresh(token, HOME)
    assert (refreshed is not None) is good


async def test_security_036_garbage_is_refused_without_asking_the_store(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Any length, version, checksum or signature that is not ours costs no call."""
    asked: list[Operation] = []
    execute = MemoryBackend.execute

    async def counted(self: MemoryBackend, operation: Operation) -> Outcome:
        asked.append(operation)
        return await execute(self, operation)

    monkeypatch.setattr(MemoryBackend, "execute", counted)
    async with desk("memory://", KEYS) as parts:
        token = await parts.token()
        foreign = RefreshTokens(KEYS, namespace="staging").issue(new_login_id(), 0)
        asked.clear()
        for text in [*_mangled(token), foreign, *_garbage()]:
            assert await parts.refreshing.refresh(text, HOME) is None
        assert not asked
        await parts.refresh(token)
        assert len(asked) == 2


def _mangled(token: str) -> list[str]:
    """Change each character, cut, lengthen, and put in what a lenient decoder skips."""
    other = {character: "A" if character != "A" else "B" for character in token}
    changed = [
        f"{token[:place]}{other[token[place]]}{token[place + 1 :]}" for place in range(len(token))
    ]
    cut = [token[:length] for length in range(len(token))]
    return [*changed, *cut, f"{token}A", f"{token}=", f" {token}", f"{token[:-1]}\n", token.upper()]


def _garbage() -> list[str]:
    chance = random.Random(36)
    letters = "ABCxyz019-_=. é\x00"
    return [
        "hfr_" + "".join(chance.choices(letters, k=chance.choice([0, 10, LENGTH - 4, 500])))
        for _ in range(1000)
    ]


async def test_security_037_nobody_waits_for_a_lock(signed_in: SignedIn) -> None:
    """Five hundred at once are all answered, with the one successor."""
    device = await signed_in.begin("anna")
    calls = (signed_in.refresh(device.refresh_token) for _ in range(500))
    answers = await asyncio.gather(*calls)
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1


@pytest.mark.slow
async def test_security_037_a_store_that_is_locked_is_waited_for_so_long(tmp_path: Path) -> None:
    """Five seconds, then 503 and when to come again; to five hundred, and nothing is the worse."""
    path = tmp_path / "sessions.db"
    async with signing_in(f"sqlite:///{path}", tmp_path) as signed_in:
        assert signed_in.app.state.service.settings.deadline_seconds == 5
        device = await signed_in.begin("anna")
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            async with asyncio.timeout(60):
                calls = (signed_in.refresh(device.refresh_token) for _ in range(500))
                answers = await asyncio.gather(*calls)
            other.execute("ROLLBACK")
        assert {answer.status_code for answer in answers} == {503}
        assert {answer.json()["code"] for answer in answers} == {"STORE_UNAVAILABLE"}
        assert all(int(answer.headers["Retry-After"]) > 0 for answer in answers)
        async with asyncio.timeout(60):
            # For a moment nobody asks the store at all.
            while (answer := await signed_in.refresh(device.refresh_token)).status_code == 503:
                await asyncio.sleep(0.05)
        again = await signed_in.refresh(device.refresh_token)
        assert answer.json()["refresh_token"] == again.json()["refresh_token"]


async def test_security_039_a_refresh_token_opens_nothing_but_refreshing(
    signed_in: SignedIn,
) -> None:
    """As a bearer, as a cookie and in an address it is worth nothing."""
    device = await signed_in.begin("anna")
    token, client = device.refresh_token, signed_in.client
    for headers in (
        {"Authorization": f"Bearer {token}"},
        {"Cookie": f"__Host-hf_session={device.handle}.{token}"},
        {"Cookie": f"refresh_token={token}"},
    ):
        assert (await client.get("/v1/auth/me", headers=headers)).status_code == 401
    for path in ("/v1/auth/refresh", "/v1/auth/me", "/v1/sessions"):
        answer = await client.get(path, params={"refresh_token": token, "token": token})
        assert answer.status_code in {401, 405}
    answer = await client.post("/v1/auth/refresh", params={"refresh_token": token})
    assert answer.status_code == 422
    assert (await signed_in.refresh(token)).status_code == 200


async def test_security_022_refreshing_goes_on_through_a_rotation_of_keys(store_url: str) -> None:
    """Tokens under the old key are exchanged for such under the new one, repeated byte by byte."""
    both = Keyring.from_text(f"{Keyring.generate('new').to_text()},{KEYS.to_text()}")
    async with desk(store_url, both) as parts:
        old = RefreshTokens(KEYS, namespace=NAMESPACE)
        token = old.issue((await parts.begin()).session_id, 0)
        first, again = await parts.refresh(token), await parts.refresh(token)
        assert first.token == again.token
        assert old.read(first.token) is None
        assert parts.refresh_tokens.read(first.token) is not None
