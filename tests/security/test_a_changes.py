"""What changes while somebody is signed in: the secret of a cookie, and the password."""

from typing import Any

import pytest

from holdfast import StoreUnavailable
from holdfast.rotation import new_secret, secret_hash
from holdfast.server.auth.recognising import Recognition
from tests.security import sign_in_jobs
from tests.security.processes import KEYS, Processes
from tests.security.sign_in import desk
from tests.security.signed_in import PAGE, PASSWORD, Device, SignedIn


@pytest.mark.parametrize("end_others", [True, False])
async def test_security_012_a_new_password_ends_other_devices(
    signed_in: SignedIn, end_others: bool
) -> None:
    """Unless one wants to keep them; the device that changes it stays."""
    await signed_in.user("anna", password=PASSWORD)
    device, other = await signed_in.begin("anna"), await signed_in.begin("anna")
    change: dict[str, Any] = {
        "current_password": PASSWORD,
        "new_password": "nine herons above a weir",
        **({} if end_others else {"end_others": False}),
    }
    answer = await signed_in.client.post("/v1/auth/password", json=change, headers=device.headers)
    assert answer.json() == {"status": "ended", "ended": int(end_others)}
    assert await signed_in.knows(device)
    assert await signed_in.knows(other) is not end_others
    assert (await signed_in.sign_in("anna")).status_code == 401
    again = await signed_in.client.post("/v1/auth/password", json=change, headers=device.headers)
    assert again.status_code == 403


async def test_security_012_no_password_changes_while_devices_cannot_be_ended(
    signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store is asked first, so the same request does all of it as soon as the store answers."""
    await signed_in.user("anna", password=PASSWORD)
    device, other = await signed_in.begin("anna"), await signed_in.begin("anna")
    change = {"current_password": PASSWORD, "new_password": "nine herons above a weir"}

    async def out(**_: Any) -> None:
        raise StoreUnavailable(retry_after=1)

    async def asked(body: dict[str, str]) -> int:
        path, headers = "/v1/auth/password", device.headers
        return (await signed_in.client.post(path, json=body, headers=headers)).status_code

    with monkeypatch.context() as patched:
        patched.setattr(signed_in.parts.logins.store, "list_active", out)
        assert await asked(change) == 503
    assert await asked({**change, "new_password": "short"}) == 422
    assert await signed_in.knows(other)
    assert await asked(change) == 200
    assert not await signed_in.knows(other)


async def test_security_014_what_is_refused_exchanges_no_secret(signed_in: SignedIn) -> None:
    """A page of a neighbour has a browser send its cookie: that signs nobody out later on."""
    browser = await signed_in.begin("anna", cookie=True)
    signed_in.ahead.seconds += 960
    cookie = {"Cookie": browser.headers["Cookie"]}
    for asking in (PAGE, {}):
        answer = await signed_in.client.post("/v1/auth/logout", headers={**cookie, **asking})
        assert answer.status_code == 403
    signed_in.ahead.seconds += 11
    assert await signed_in.knows(browser)


async def test_security_014_a_failure_loses_no_secret(
    signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What goes wrong after the exchange: the answer that tells of it brings the cookie too."""
    browser = await signed_in.begin("anna", cookie=True)
    signed_in.ahead.seconds += 960

    async def out(*_: Any) -> None:
        raise StoreUnavailable(retry_after=1)

    with monkeypatch.context() as patched:
        patched.setattr(Recognition, "recognise", out)
        answer = await signed_in.client.get("/v1/auth/me", headers=browser.headers)
    assert answer.status_code == 503
    signed_in.ahead.seconds += 11
    cookie = answer.headers["Set-Cookie"].partition(";")[0]
    assert await signed_in.knows(Device(browser.handle, {"Cookie": cookie, **PAGE}))


async def test_security_014_two_processes_get_one_new_secret(
    processes: Processes, shared_url: str
) -> None:
    """Fifty exchange it at once: one does, all know the new one."""
    secret = new_secret()
    async with desk(shared_url, KEYS) as parts:
        login = await parts.begin(bearing="cookie", secret_hash=secret_hash(secret))
        told = (login.session_id, secret)
        answers: list[list[tuple[str | None, bool]]] = await processes.run(
            sign_in_jobs.rotate_at_once, shared_url, told=told
        )
        given = [one for process in answers for one in process]
        assert len({renewed for renewed, _ in given}) == 1
        assert sum(rotated for _, rotated in given) == 1
        found = await parts.logins.get(login.session_id)
    assert found is not None
    assert (found.rotations, found.secret_hash) == (1, secret_hash(str(given[0][0])))


@pytest.mark.parametrize(("seconds", "status"), [(880, 200), (901, 403)])
async def test_security_016_what_is_sensitive_needs_a_recent_password(
    signed_in: SignedIn, seconds: float, status: int
) -> None:
    """Fifteen minutes after it was given one has to sign in again."""
    await signed_in.user("anna", password=PASSWORD)
    device = await signed_in.begin("anna", cookie=True)
    signed_in.ahead.seconds += seconds
    device = await signed_in.renewed(device)
    change = {"current_password": PASSWORD, "new_password": "nine herons above a weir"}
    answer = await signed_in.client.post("/v1/auth/password", json=change, headers=device.headers)
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["code"] == "REAUTH_REQUIRED"
