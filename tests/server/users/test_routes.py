"""`/v1/users`: who can sign in, managed by admins."""

import asyncio
from typing import Any

import pytest

from holdfast.server.auth import routes
from holdfast.server.users import User
from tests.server.users.conftest import KEY, OTHER, PASSWORD, Site

Headers = dict[str, str]


@pytest.fixture
async def admin(site: Site) -> Headers:
    await site.service.users.add("root", PASSWORD, roles=["admin"])
    return await site.sign_in("root")


@pytest.fixture
async def bert(site: Site) -> User:
    return await site.service.users.add("bert", PASSWORD, roles=["staff"])


NEW = {"name": "Anna", "password": PASSWORD, "roles": ["staff"]}


async def test_an_admin_adds_a_user_who_signs_in(site: Site, admin: Headers) -> None:
    """The answer says where they are and who; nothing of it is a password."""
    added = await site.client.post("/v1/users", headers=admin, json=NEW)
    assert added.status_code == 201
    anna = added.json()
    assert (anna["name"], anna["roles"], anna["disabled"]) == ("anna", ["staff"], False)
    assert not [name for name in anna if name.endswith(("password", "hash"))]
    shown = await site.client.get(added.headers["location"], headers=admin)
    assert shown.json() == anna
    me = await site.client.get("/v1/auth/me", headers=await site.sign_in("anna"))
    assert me.json()["user_id"] == anna["user_id"]


async def test_users_are_listed_a_page_at_a_time(site: Site, admin: Headers, bert: User) -> None:
    """In the order of their names; the last page names no next one."""
    first = (await site.client.get("/v1/users?limit=1", headers=admin)).json()
    assert [user["name"] for user in first["users"]] == ["bert"]
    rest = await site.client.get(f"/v1/users?limit=2&after={first['next_after']}", headers=admin)
    assert [user["name"] for user in rest.json()["users"]] == ["root"]
    assert rest.json()["next_after"] is None


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("POST", ""), ("GET", "/x"), ("PATCH", "/x"), ("DELETE", "/x")],
)
async def test_only_admins_manage_users(site: Site, bert: User, method: str, path: str) -> None:
    """Nobody (401), staff (403); both before anything of the request is read."""
    url = f"/v1/users{path}"
    assert (await site.client.request(method, url, content=b"{")).status_code == 401
    staff = await site.sign_in("bert")
    answer = await site.client.request(method, url, content=b"{", headers=staff)
    assert answer.status_code == 403
    assert answer.json()["code"] == "FORBIDDEN"


async def test_a_key_with_all_scopes_manages_users(site: Site) -> None:
    """A service is no user, and does what admins do."""
    added = await site.client.post("/v1/users", headers=KEY, json=NEW)
    assert added.status_code == 201
    assert (await site.client.get("/v1/users", headers=KEY)).json()["users"] == [added.json()]


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"name": ""}, 422, "name"),
        ({"name": "an\r\nna"}, 422, "name"),
        ({"password": "short"}, 422, "password"),
        ({"password": "anna anna anna anna"}, 422, "password"),
        ({"roles": []}, 422, "roles"),
        ({"roles": ["owner"]}, 422, "roles"),
        ({"roles": ["visitor"]}, 422, "roles"),
        ({"disabled": True}, 422, "disabled"),
        ({"name": "ROOT"}, 409, None),
    ],
)
async def test_what_breaks_a_rule_adds_nobody(
    site: Site, admin: Headers, change: dict[str, Any], status: int, field: str | None
) -> None:
    """The answer names the field, and does not repeat a password."""
    answer = await site.client.post("/v1/users", headers=admin, json={**NEW, **change})
    assert answer.status_code == status
    problem = answer.json()
    assert (problem.get("field") or "").partition(".")[0] == (field or "")
    assert str(change.get("password", PASSWORD)) not in answer.text
    assert len(await site.service.users.list()) == 1


@pytest.mark.parametrize(
    "change", [{"disabled": True}, {"roles": ["admin"]}, {"password": OTHER}], ids=str
)
async def test_every_change_ends_the_users_sign_ins(
    site: Site, admin: Headers, bert: User, change: dict[str, Any]
) -> None:
    """On all devices, and nobody else's; the answer says how many."""
    devices = [await site.sign_in("bert") for _ in range(2)]
    changed = await site.client.patch(f"/v1/users/{bert.user_id}", headers=admin, json=change)
    assert changed.status_code == 200
    assert changed.json()["ended"] == 2
    for device in devices:
        assert (await site.client.get("/v1/auth/me", headers=device)).status_code == 401
    assert (await site.client.get("/v1/auth/me", headers=admin)).status_code == 200


async def test_a_disabled_user_is_let_in_again(site: Site, admin: Headers, bert: User) -> None:
    """Neither password nor roles are lost meanwhile."""
    url = f"/v1/users/{bert.user_id}"
    for disabled in (True, False):
        await site.client.patch(url, headers=admin, json={"disabled": disabled})
        answer = await site.client.post(
            "/v1/auth/login", json={"username": "bert", "password": PASSWORD}
        )
        assert answer.status_code == (401 if disabled else 200)


async def test_a_change_that_breaks_a_rule_changes_nothing(
    site: Site, admin: Headers, bert: User
) -> None:
    """And the user stays signed in."""
    device = await site.sign_in("bert")
    change = {"disabled": True, "password": "short"}
    answer = await site.client.patch(f"/v1/users/{bert.user_id}", headers=admin, json=change)
    assert answer.status_code == 422
    assert await site.service.users.get(bert.user_id) == bert
    assert (await site.client.get("/v1/auth/me", headers=device)).status_code == 200


async def test_a_removed_user_is_gone_with_all_sign_ins(
    site: Site, admin: Headers, bert: User
) -> None:
    """A second time there is nobody to remove."""
    device = await site.sign_in("bert")
    url = f"/v1/users/{bert.user_id}"
    removed = await site.client.delete(url, headers=admin)
    assert removed.json() == {"status": "removed", "user_id": bert.user_id, "ended": 1}
    assert (await site.client.get("/v1/auth/me", headers=device)).status_code == 401
    for method in ("GET", "DELETE", "PATCH"):
        answer = await site.client.request(
            method, url, headers=admin, json={} if method == "PATCH" else None
        )
        assert (answer.status_code, answer.json()["code"]) == (404, "USER_NOT_FOUND")


@pytest.mark.parametrize("change", [{"disabled": True}, {"roles": ["staff"]}, None], ids=str)
async def test_the_last_admin_stays(
    site: Site, admin: Headers, change: dict[str, Any] | None
) -> None:
    """Nobody is left without somebody who manages users, and the admin stays signed in."""
    root = await site.service.users.find("root")
    assert root is not None
    method = "DELETE" if change is None else "PATCH"
    answer = await site.client.request(
        method, f"/v1/users/{root.user_id}", headers=admin, json=change
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "LAST_ADMIN")
    assert (await site.client.get("/v1/users", headers=admin)).status_code == 200
    assert await site.service.users.get(root.user_id) == root


async def test_what_was_done_is_on_the_trail(site: Site, admin: Headers) -> None:
    """Who did it to whom, by names that only the key leads back to people."""
    told: list[tuple[str, Any]] = []
    record = site.service.trail.record

    async def listen(event: str, **facts: Any) -> None:
        told.append((event, facts.get("user")))
        await record(event, **facts)

    trail = site.service.trail
    trail.record = listen  # type: ignore[method-assign]
    anna = (await site.client.post("/v1/users", headers=admin, json=NEW)).json()["user_id"]
    url, named = f"/v1/users/{anna}", trail.pseudonym(anna)
    everything = {"roles": ["admin"], "password": OTHER, "disabled": True}
    await site.client.patch(url, headers=admin, json=everything)
    await site.client.patch(url, headers=admin, json={"disabled": False})
    await site.client.delete(url, headers=admin)
    assert told == [
        ("user.added", named),
        ("user.changed", named),
        ("password.changed", named),
        ("user.disabled", named),
        ("user.enabled", named),
        ("user.removed", named),
    ]
    assert named is not None
    assert anna not in named


async def test_changing_users_needs_a_sign_in_that_is_not_long_ago(
    site: Site, admin: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a quarter of an hour looking is allowed, and changing only with the password anew."""
    monkeypatch.setattr(routes, "FRESH_SECONDS", -1)
    answer = await site.client.post("/v1/users", headers=admin, json=NEW)
    assert (answer.status_code, answer.json()["code"]) == (403, "REAUTH_REQUIRED")
    assert (await site.client.get("/v1/users", headers=admin)).status_code == 200
    assert (await site.client.post("/v1/users", headers=KEY, json=NEW)).status_code == 201


async def test_a_disabled_admin_cannot_come_in_between(site: Site, admin: Headers) -> None:
    """Sign-ins that run while their user is disabled are ended with the others, or never begin."""
    carl = await site.service.users.add("carl", PASSWORD, roles=["admin"])
    body = {"username": "carl", "password": PASSWORD}
    url = f"/v1/users/{carl.user_id}"
    answers = await asyncio.gather(
        *(site.client.post("/v1/auth/login", json=body) for _ in range(4)),
        site.client.patch(url, headers=admin, json={"disabled": True}),
    )
    for answer in answers[:-1]:
        if answer.status_code == 200:
            token = {"Authorization": f"Bearer {answer.json()['access_token']}"}
            assert (await site.client.get("/v1/users", headers=token)).status_code == 401
