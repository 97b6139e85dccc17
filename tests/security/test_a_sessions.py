"""The identity and the life of a sign-in, on each store."""

import asyncio
import base64
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from holdfast import SessionNotFound, SessionStore
from holdfast.backends.memory import MemoryBackend
from holdfast.rotation import new_secret, secret_hash
from holdfast.server.auth.login import Login, new_login_id
from holdfast.server.auth.logins import Logins
from holdfast.server.database import DatabaseUnavailable
from holdfast.server.settings import InvalidSettings, Settings
from holdfast.server.users import User
from holdfast.terms import Terms
from holdfast.testing.manual_clock import ManualClock
from tests.security import sign_in_jobs
from tests.security.dumps import dump_of
from tests.security.processes import KEYS, Processes
from tests.security.sign_in import ANNA, HOME, Desk, People, desk
from tests.security.signed_in import PAGE, PASSWORD, Device, SignedIn

ENDED = {"Clear-Site-Data": '"storage"', "Cache-Control": "no-store"}


@pytest.fixture
async def parts(store_url: str) -> AsyncGenerator[Desk]:
    """Sign-in over each store."""
    async with desk(store_url, KEYS) as parts:
        yield parts


def test_security_001_ids_and_secrets_are_random() -> None:
    """A hundred thousand are all different; a secret has 32 bytes, an id 16."""
    for make, size in ((new_secret, 32), (new_login_id, 16)):
        made = {make() for _ in range(100_000)}
        assert len(made) == 100_000
        assert {len(base64.urlsafe_b64decode(one + "==")) for one in made} == {size}


async def test_security_002_a_store_holds_no_secret(signed_in: SignedIn) -> None:
    """After all that can be done with them, no token and no secret is found in its bytes."""
    device = await signed_in.begin("anna")
    browser = await signed_in.begin("anna", cookie=True)
    refreshed = (await signed_in.refresh(device.refresh_token)).json()
    signed_in.ahead.seconds += 1000
    renewed = await signed_in.client.get("/v1/auth/me", headers=browser.headers)
    cookies = [browser.headers["Cookie"], renewed.headers["Set-Cookie"]]
    secrets = [cookie.partition(".")[2].partition(";")[0] for cookie in cookies]
    assert len({*secrets}) == 2
    secrets += [device.refresh_token, refreshed["refresh_token"], refreshed["access_token"]]
    dump = dump_of(signed_in.app.state.service.store, signed_in.url)
    assert device.handle.encode() in dump
    for secret in secrets:
        assert len(secret) > 40
        assert secret.encode() not in dump
        assert secret[4:40].encode() not in dump


async def test_security_003_an_id_that_was_never_issued_opens_nothing(signed_in: SignedIn) -> None:
    """It is refused and told to the trail, and no session comes into being by it."""
    client, store = signed_in.client, signed_in.parts.logins.store
    recorded: list[str] = []
    record = signed_in.parts.trail.record

    async def heard(event: str, **facts: Any) -> None:
        recorded.append(event)
        await record(event, **facts)

    object.__setattr__(signed_in.parts.trail, "record", heard)
    never = Login(session_id=new_login_id(), user_id="user-of-anna", name="anna")
    ends = datetime.now(UTC) + timedelta(hours=1)
    token, _ = signed_in.parts.access_tokens.issue(never, ends=ends)
    cookie = f"__Host-hf_session={never.session_id}.{new_secret()}"
    for headers in ({"Authorization": f"Bearer {token}"}, {"Cookie": cookie, **PAGE}):
        answer = await client.get("/v1/auth/me", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHENTICATED")
        assert "Set-Cookie" not in answer.headers
    refresh = signed_in.parts.refresh_tokens.issue(never.session_id, 0)
    assert (await signed_in.refresh(refresh)).status_code == 401
    assert recorded == ["token.refused", "session.unknown", "refresh.refused"]
    assert await store.count_active() == 0


async def test_security_004_signing_in_makes_a_new_session(signed_in: SignedIn) -> None:
    """Whoever signs in where somebody is signed in has another id, and the old one is dead."""
    await signed_in.user("anna", password=PASSWORD)
    known = await signed_in.begin("anna", cookie=True)
    answer = await signed_in.sign_in("anna", headers=known.headers)
    assert answer.status_code == 200
    cookie = next(
        line for line in answer.headers.get_list("set-cookie") if line.startswith("__Host-hf_s")
    )
    assert known.handle not in cookie
    assert not await signed_in.knows(known)
    again = Device("", {"Cookie": cookie.partition(";")[0], **PAGE})
    assert await signed_in.knows(again)


async def test_security_005_nothing_moves_the_end_of_a_sign_in(signed_in: SignedIn) -> None:
    """Requests, refreshes and exchanged secrets leave it where it was: a day after its begin."""
    device, browser = await signed_in.begin("anna"), await signed_in.begin("anna", cookie=True)
    logins = signed_in.parts.logins
    ends = {handle: await _end_of(logins, handle) for handle in (device.handle, browser.handle)}
    token = device.refresh_token
    for hours in range(1, 24):
        signed_in.ahead.seconds = 3600 * hours
        refreshed = await signed_in.refresh(token)
        token = refreshed.json()["refresh_token"]
        browser = await signed_in.renewed(browser)
    assert {handle: await _end_of(logins, handle) for handle in ends} == ends
    signed_in.ahead.reach(min(ends.values()) - timedelta(seconds=1))
    answer = await signed_in.refresh(token)
    assert answer.status_code == 200
    assert answer.json()["expires_in"] <= 1
    assert await signed_in.knows(await signed_in.renewed(browser))
    signed_in.ahead.reach(max(ends.values()) + timedelta(seconds=1))
    assert (await signed_in.refresh(answer.json()["refresh_token"])).status_code == 401
    assert not await signed_in.knows(browser)


async def _end_of(logins: Logins, handle: str) -> datetime:
    login = await logins.store.get(handle)
    assert login is not None
    return logins.ends(login)


async def test_security_006_a_request_is_activity(
    signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is written down once a minute, however many come, and the idle time starts anew."""
    device, logins = await signed_in.begin("anna"), signed_in.parts.logins
    touch, touched = logins.store.touch, 0

    async def counted(session_id: str) -> bool:
        nonlocal touched
        touched += 1
        return await touch(session_id)

    monkeypatch.setattr(logins.store, "touch", counted)
    for expected in (0, 1, 2):
        every = await asyncio.gather(*(signed_in.knows(device) for _ in range(10)))
        assert every == [True] * 10
        assert touched == expected
        signed_in.ahead.seconds += 90
    login = await logins.store.get(device.handle)
    assert login is not None
    assert login.expires_at == login.last_activity + timedelta(seconds=logins.terms.idle)


async def test_security_006_a_sign_in_ends_when_nothing_is_asked() -> None:
    """Half an hour after the last request that was written down, to the second."""
    manual = ManualClock()
    async with MemoryBackend(clock=manual.clock) as backend:
        terms = Terms("~login.default", ttl=1800, max_age=86_400, sliding=True)
        store = SessionStore(backend, model=Login, keys=KEYS, terms=terms)
        logins = Logins(store, clock=manual.clock)
        login = await logins.begin(ANNA, People(ANNA), HOME)
        assert login is not None
        for _ in range(5):
            manual.advance(1799)
            found = await logins.get(login.session_id)
            assert found is not None
            await logins.note_seen(found)
        manual.advance(1799)
        assert await logins.get(login.session_id) is not None
        manual.advance(1)
        assert await logins.get(login.session_id) is None


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"login_idle_seconds": 90_000}, "LOGIN_IDLE"),
        ({"login_idle_seconds": 60}, "LOGIN_IDLE"),
        ({"login_max_age_seconds": 30 * 86_400 + 1}, "LOGIN_MAX_AGE"),
        ({"access_token_seconds": 901}, "ACCESS_TOKEN"),
        ({"refresh_grace_seconds": 61}, "REFRESH_GRACE"),
    ],
)
def test_security_007_times_that_do_not_go_together_stop_the_start(
    settings: dict[str, Any], named: str
) -> None:
    """The problem names the setting; the limits themselves are taken."""
    with pytest.raises(InvalidSettings, match=f"HOLDFAST_{named}_SECONDS"):
        Settings.load(**settings)
    Settings.load(
        login_idle_seconds=30 * 86_400,
        login_max_age_seconds=30 * 86_400,
        access_token_seconds=900,
        refresh_grace_seconds=60,
    )


async def test_security_008_signing_out_ends_everything(signed_in: SignedIn) -> None:
    """The session, its tokens and its cookie, in the same request; others are left."""
    device, browser, other = (
        await signed_in.begin("anna"),
        await signed_in.begin("anna", cookie=True),
        await signed_in.begin("anna"),
    )
    out = await signed_in.client.post("/v1/auth/logout", headers=device.headers)
    assert out.json() == {"status": "ended", "ended": 1}
    assert not await signed_in.knows(device)
    assert (await signed_in.refresh(device.refresh_token)).status_code == 401
    out = await signed_in.client.post("/v1/auth/logout", headers=browser.headers)
    cleared = out.headers["Set-Cookie"]
    assert cleared.startswith('__Host-hf_session="";')
    for attribute in ("HttpOnly", "Secure", "Path=/", "SameSite=lax", "Max-Age=0"):
        assert attribute in cleared
    for name, value in ENDED.items():
        assert out.headers[name] == value
    assert not await signed_in.knows(browser)
    body = {"refresh_token": other.refresh_token}
    assert (await signed_in.client.post("/v1/auth/logout", json=body)).json()["ended"] == 1
    assert not await signed_in.knows(other)
    assert (await signed_in.client.post("/v1/auth/logout")).json()["ended"] == 0


async def test_security_008_one_can_sign_out_everywhere(signed_in: SignedIn) -> None:
    """All devices of the user, this one included, and nobody else's."""
    devices = [await signed_in.begin("anna") for _ in range(3)]
    ben = await signed_in.begin("ben")
    out = await signed_in.client.post(
        "/v1/auth/logout", json={"everywhere": True}, headers=devices[1].headers
    )
    assert out.json()["ended"] == 3
    assert [await signed_in.knows(device) for device in devices] == [False] * 3
    assert await signed_in.knows(ben)


async def test_security_009_one_sees_one_s_own_devices(signed_in: SignedIn) -> None:
    """Since when, seen last when, what and roughly where, which is this one; no secret, no hash."""
    device, browser = await signed_in.begin("anna"), await signed_in.begin("anna", cookie=True)
    await signed_in.begin("ben")
    answer = await signed_in.client.get("/v1/auth/sessions", headers=device.headers)
    shown = answer.json()["sessions"]
    assert [one["handle"] for one in shown] == [device.handle, browser.handle]
    assert [one["current"] for one in shown] == [True, False]
    assert [one["bearing"] for one in shown] == ["tokens", "cookie"]
    assert {one["network"] for one in shown} == {"203.0.113.0/24"}
    assert {one["device"] for one in shown} == {"python-httpx2 other"}
    login = await signed_in.parts.logins.get(browser.handle)
    assert login is not None
    assert str(login.secret_hash) not in answer.text
    assert set(shown[0]) == {
        "handle", "created_at", "last_seen", "expires_at", "device", "network", "bearing",
        "current",
    }  # fmt: skip


async def test_security_010_one_ends_one_s_own_devices(signed_in: SignedIn) -> None:
    """All but this one, with their number; another user's is answered like one of nobody."""
    devices = [await signed_in.begin("anna") for _ in range(4)]
    ben = await signed_in.begin("ben")
    client, headers = signed_in.client, devices[0].headers
    answers = [
        await client.delete(f"/v1/auth/sessions/{handle}", headers=headers)
        for handle in (ben.handle, new_login_id(), "nonsense")
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.json()["detail"] for answer in answers}) == 1
    one = await client.delete(f"/v1/auth/sessions/{devices[3].handle}", headers=headers)
    assert one.status_code == 200
    assert not await signed_in.knows(devices[3])
    others = await client.delete("/v1/auth/sessions", headers=headers)
    assert others.json()["ended"] == 2
    assert [await signed_in.knows(device) for device in devices] == [True, False, False, False]
    assert await signed_in.knows(ben)


async def test_security_011_whoever_is_disabled_is_signed_out(parts: Desk) -> None:
    """Sign-ins that go on at the same time leave no device behind, round after round."""
    for _ in range(5):
        people = People(ANNA)
        begins = [asyncio.create_task(parts.logins.begin(ANNA, people, HOME)) for _ in range(8)]
        await asyncio.sleep(0)
        people.users[ANNA.user_id] = ANNA._replace(disabled=True)
        await parts.logins.end_all(ANNA.user_id)
        await asyncio.gather(*begins)
        assert await parts.logins.of_user(ANNA.user_id) == []


async def test_security_011_nobody_knows_whether_a_user_is_disabled(parts: Desk) -> None:
    """Then nobody is let in, and no device is left behind."""

    class Out(People):
        async def get(self, user_id: str) -> User | None:
            raise DatabaseUnavailable

    with pytest.raises(DatabaseUnavailable):
        await parts.logins.begin(ANNA, Out(ANNA), HOME)
    assert await parts.logins.of_user(ANNA.user_id) == []


async def test_security_011_an_end_reaches_every_device(signed_in: SignedIn) -> None:
    """By whoever ends them, on whatever connection: the next request of each is refused."""
    devices = [await signed_in.begin("anna", cookie=number % 2 == 0) for number in range(4)]
    user = await signed_in.user("anna")
    await signed_in.parts.users.disable(user.user_id)
    assert await signed_in.parts.logins.end_all(user.user_id) == 4
    assert [await signed_in.knows(device) for device in devices] == [False] * 4
    assert (await signed_in.refresh(devices[1].refresh_token)).status_code == 401


async def test_security_013_a_user_has_so_many_devices(parts: Desk) -> None:
    """Of fifty who sign in at once, round after round, the ten begun last are left."""
    for _ in range(2):
        begun = await asyncio.gather(*(parts.begin() for _ in range(50)))
        left = await parts.logins.of_user(ANNA.user_id)
        newest = sorted(begun, key=lambda login: (login.created_at, login.session_id))[-10:]
        assert [login.session_id for login in left] == [login.session_id for login in newest]


async def test_security_013_two_processes_leave_so_many(
    processes: Processes, shared_url: str
) -> None:
    """However their sign-ins interleave."""
    for _ in range(2):
        await processes.run(sign_in_jobs.begin_at_once, shared_url)
        async with desk(shared_url, KEYS) as parts:
            assert len(await parts.logins.of_user(ANNA.user_id)) == 10


async def test_security_014_fifty_at_once_get_one_new_secret(signed_in: SignedIn) -> None:
    """The cookie in every answer is the same, and the old one opens for ten seconds more."""
    browser = await signed_in.begin("anna", cookie=True)
    signed_in.ahead.seconds += 960
    calls = (signed_in.client.get("/v1/auth/me", headers=browser.headers) for _ in range(50))
    answers = await asyncio.gather(*calls)
    assert {answer.status_code for answer in answers} == {200}
    cookies = {answer.headers["Set-Cookie"].partition(";")[0] for answer in answers}
    assert len(cookies) == 1
    new = Device(browser.handle, {"Cookie": cookies.pop(), **PAGE})
    assert new.headers["Cookie"] != browser.headers["Cookie"]
    signed_in.ahead.seconds += 9
    assert await signed_in.knows(browser)
    signed_in.ahead.seconds += 2
    assert not await signed_in.knows(browser)
    assert await signed_in.knows(new)


async def test_security_015_what_comes_late_brings_no_login_back(parts: Desk) -> None:
    """A request that read it before it ended can save nothing, and open nothing."""
    secret = new_secret()
    login = await parts.begin(bearing="cookie", secret_hash=secret_hash(secret))
    store = parts.logins.store
    await parts.logins.end(login.session_id)
    for late in (
        store.set(login),
        store.update(login.session_id, device="other"),
        parts.logins.step_down(login.session_id),
    ):
        with pytest.raises(SessionNotFound):
            await late
    assert not await store.touch(login.session_id)
    parts.ahead.seconds += 1000
    assert await parts.rotation.open(login.session_id, secret) is None
    assert await parts.logins.get(login.session_id) is None
