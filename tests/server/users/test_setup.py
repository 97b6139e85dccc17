"""The link by which the first admin is made."""

import asyncio
import re
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import select

from holdfast.cli import main
from holdfast.server.database import Database
from holdfast.server.users import Hasher, InvalidUser, Setup, SetupRefused, UserExists, Users
from holdfast.server.users.setup import LIFETIME
from holdfast.server.users.tables import SETUP
from tests.server.serving import served
from tests.server.users.conftest import PASSWORD, Now, Site

AT_ONCE = 50


@pytest.fixture
async def setup(database: Database, now: Now) -> AsyncGenerator[Setup]:
    hasher = Hasher()
    yield Setup(database, Users(database, hasher, now=now), hasher, now=now)
    hasher.close()


async def _offered(setup: Setup) -> str:
    token = await setup.offer()
    assert token is not None
    return token


async def test_the_link_makes_one_admin(setup: Setup) -> None:
    """Used once it is worth nothing, and nothing is offered any more."""
    token = await _offered(setup)
    root = await setup.complete(token, "Root", PASSWORD)
    assert (root.name, root.roles) == ("root", frozenset({"admin"}))
    with pytest.raises(SetupRefused):
        await setup.complete(token, "other", PASSWORD)
    assert await setup.offer() is None


async def test_only_a_hash_of_the_token_is_kept(setup: Setup, database: Database) -> None:
    """It has 256 random bits, and the database none of them."""
    token = await _offered(setup)
    assert len(token) == 43
    async with database.reading() as connection:
        (row,) = (await connection.execute(select(SETUP))).all()
    assert token.encode() not in row.token_hash
    assert len(row.token_hash) == 32


async def test_the_link_is_over_after_an_hour(setup: Setup, now: Now) -> None:
    """A second before it is good, at the hour it is not."""
    token = await _offered(setup)
    now.time += LIFETIME
    with pytest.raises(SetupRefused):
        await setup.complete(token, "root", PASSWORD)
    now.time -= timedelta(seconds=1)
    assert await setup.complete(token, "root", PASSWORD)


async def test_a_new_link_replaces_the_one_before(setup: Setup) -> None:
    """Only what was printed last is good."""
    before, token = await _offered(setup), await _offered(setup)
    with pytest.raises(SetupRefused):
        await setup.complete(before, "root", PASSWORD)
    assert await setup.complete(token, "root", PASSWORD)


async def test_a_link_is_worth_nothing_once_there_is_an_admin(
    setup: Setup, database: Database
) -> None:
    """However that admin was made, and though disabled."""
    token, hasher = await _offered(setup), Hasher()
    users = Users(database, hasher)
    root = await users.add("root", PASSWORD, roles=["admin"])
    await users.disable(root.user_id)
    hasher.close()
    with pytest.raises(SetupRefused):
        await setup.complete(token, "other", PASSWORD)
    assert await setup.offer() is None


async def test_what_breaks_a_rule_does_not_use_the_link(setup: Setup, database: Database) -> None:
    """A weak password, a name that is taken: the next try may be better."""
    token, hasher = await _offered(setup), Hasher()
    await Users(database, hasher).add("staff", PASSWORD, roles=["staff"])
    hasher.close()
    with pytest.raises(InvalidUser):
        await setup.complete(token, "root", "short")
    with pytest.raises(UserExists):
        await setup.complete(token, "staff", PASSWORD)
    assert await setup.complete(token, "root", PASSWORD)


async def test_fetching_the_page_changes_nothing(site: Site) -> None:
    """Whatever stands in its address; the token is good afterwards, and not in the page."""
    token = await _offered(site.service.setup)
    for path in ("/setup", f"/setup?token={token}", "/setup.js"):
        for method in ("GET", "HEAD"):
            answer = await site.client.request(method, path)
            assert answer.status_code == 200
            assert token not in answer.text
            assert "script-src 'self'" in answer.headers["content-security-policy"]
            assert "unsafe-inline" not in answer.headers["content-security-policy"]
    assert await site.service.users.list() == []
    assert await site.service.setup.complete(token, "root", PASSWORD)


async def test_the_page_has_no_script_or_style_of_its_own(site: Site) -> None:
    """The policy would keep it from running."""
    page = (await site.client.get("/setup")).text
    assert re.findall(r"<script[^>]*>", page) == ['<script src="/setup.js" defer>']
    assert not re.search(r"<style|style=|\son\w+=", page)


async def test_a_wrong_token_is_refused_without_hashing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """403, the same for every reason, and no work for guesses."""
    await _offered(site.service.setup)

    async def hash_nothing(*_: object) -> str:
        raise AssertionError("hashed")

    monkeypatch.setattr(Hasher, "hash", hash_nothing)
    for token in ("", "x" * 43, "é"):
        body = {"token": token, "username": "root", "password": PASSWORD}
        answer = await site.client.post("/v1/auth/setup", json=body)
        assert (answer.status_code, answer.json()["code"]) == (403, "SETUP_REFUSED")
    assert await site.service.users.list() == []


async def test_pages_of_other_sites_cannot_use_the_link(site: Site) -> None:
    """Not even with the token."""
    token = await _offered(site.service.setup)
    body = {"token": token, "username": "root", "password": PASSWORD}
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        answer = await site.client.post("/v1/auth/setup", json=body, headers=headers)
        assert answer.status_code == 403
    assert await site.service.users.list() == []


@pytest.mark.slow
async def test_fifty_tries_on_two_processes_make_one_admin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever comes first with the link that was printed last is the admin, and nobody else.

    Disabled from the command line, the admin is signed out of the running services.
    """
    with served(tmp_path) as first, served(tmp_path) as second:
        (token,) = re.findall(r"/setup#(\S+)", second.log())
        assert token not in first.log()
        async with httpx2.AsyncClient(base_url=second.url, timeout=60) as client:
            answers = await asyncio.gather(
                *(
                    client.post(
                        f"{(first, second)[n % 2].url}/v1/auth/setup",
                        json={"token": token, "username": f"root{n}", "password": PASSWORD},
                    )
                    for n in range(AT_ONCE)
                )
            )
            made = [answer.json()["name"] for answer in answers if answer.status_code == 201]
            assert len(made) == 1
            assert sum(answer.status_code == 403 for answer in answers) == AT_ONCE - 1
            body = {"username": made[0], "password": PASSWORD}
            tokens = (await client.post("/v1/auth/login", json=body)).json()
            headers = {"Authorization": f"Bearer {tokens['access_token']}"}
            listed = (await client.get("/v1/users", headers=headers)).json()["users"]
            assert [user["name"] for user in listed] == made
            monkeypatch.chdir(tmp_path)
            assert await asyncio.to_thread(main, ["users", "disable", made[0]]) == 0
            assert (await client.get("/v1/auth/me", headers=headers)).status_code == 401
    assert token not in second.log().replace(f"/setup#{token}", "", 1)
