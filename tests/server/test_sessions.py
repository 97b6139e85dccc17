"""The table of sessions: every request of it, and what it is answered with."""

import asyncio
from datetime import datetime, timedelta

import httpx2
import pytest

from holdfast.server.model import PRIVATE, ServiceSession
from holdfast.server.requests import NewSession


async def _create(client: httpx2.AsyncClient, **body: object) -> dict[str, object]:
    response = await client.post("/v1/sessions", json=body)
    assert response.status_code == 201, response.text
    created: dict[str, object] = response.json()
    return created


async def test_a_created_session_is_answered_whole(client: httpx2.AsyncClient) -> None:
    """Creation answers 201 with every field, an entity tag, and where the session is."""
    response = await client.post(
        "/v1/sessions",
        json={
            "session_id": "o'brien",
            "user_id": "u1",
            "ttl_seconds": 60,
            "metadata": {"topic": "refund", "n": 12345678901234567, "list": [], "map": {}},
            "thread_id": "t1",
            "message_count": 3,
        },
    )
    session = response.json()
    assert response.status_code == 201
    assert response.headers["ETag"] == f'"{session["incarnation"]}.1"'
    assert response.headers["Location"] == "/v1/sessions/o'brien"
    assert session["metadata"] == {
        "topic": "refund",
        "n": 12345678901234567,
        "list": [],
        "map": {},
    }
    assert (session["session_id"], session["user_id"], session["thread_id"]) == (
        "o'brien",
        "u1",
        "t1",
    )
    assert session["counters"] == {"message_count": 3, "escalated": 0}
    assert session["revision"] == 1
    assert 59 < session["ttl_seconds"] <= 60
    assert session["created_at"].endswith("Z")
    assert (await client.get("/v1/sessions/o'brien")).json()["metadata"] == session["metadata"]


async def test_creation_makes_a_new_session_each_time(client: httpx2.AsyncClient) -> None:
    """The same user twice gives two sessions; an id that is taken gives 409."""
    first, second = await _create(client, user_id="u"), await _create(client, user_id="u")
    assert first["session_id"] != second["session_id"]
    taken = await client.post("/v1/sessions", json={"session_id": first["session_id"]})
    assert (taken.status_code, taken.json()["code"]) == (409, "SESSION_EXISTS")


async def test_a_repeated_creation_gives_the_same_session(client: httpx2.AsyncClient) -> None:
    """Under one Idempotency-Key one session is created; other content is refused."""
    headers = {"Idempotency-Key": "order-1"}
    body = {"metadata": {"a": 1}}
    made = [await client.post("/v1/sessions", json=body, headers=headers) for _ in range(3)]
    assert [response.status_code for response in made] == [201] * 3
    assert len({response.json()["session_id"] for response in made}) == 1
    other = await client.post("/v1/sessions", json={"metadata": {"a": 2}}, headers=headers)
    assert (other.status_code, other.json()["field"]) == (422, "Idempotency-Key")
    assert (await client.get("/v1/sessions/count")).json() == {"active_session_count": 1}


async def test_concurrent_creations_under_one_key_make_one_session(
    client: httpx2.AsyncClient,
) -> None:
    """However many requests race under one key, one session comes of them."""
    requests = [
        client.post("/v1/sessions", json={}, headers={"Idempotency-Key": "race"}) for _ in range(20)
    ]
    responses = await asyncio.gather(*requests)
    assert {response.status_code for response in responses} == {201}
    assert len({response.json()["session_id"] for response in responses}) == 1


async def test_a_key_does_not_take_over_a_session_of_others(client: httpx2.AsyncClient) -> None:
    """A given id that somebody else has created is taken, key or no key."""
    await _create(client, session_id="mine")
    headers = {"Idempotency-Key": "k"}
    response = await client.post("/v1/sessions", json={"session_id": "mine"}, headers=headers)
    assert response.status_code == 409


async def test_sessions_are_listed_in_pages_with_filters(client: httpx2.AsyncClient) -> None:
    """Pages hold every session once, in the order of creation; filters restrict them."""
    sessions = [await _create(client, user_id=f"u{i % 2}", message_count=i) for i in range(5)]
    ids = [session["session_id"] for session in sessions]
    found: list[str] = []
    cursor = None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await client.get("/v1/sessions", params=query)).json()
        found += [session["session_id"] for session in page["sessions"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    # Some clocks tell whole milliseconds: those of the same one are in the order of their ids.
    in_order = sorted(sessions, key=lambda session: (session["created_at"], session["session_id"]))
    assert found == [session["session_id"] for session in in_order]

    async def listed(**query: object) -> list[str]:
        page = (await client.get("/v1/sessions", params=query)).json()  # type: ignore[arg-type]
        return [session["session_id"] for session in page["sessions"]]

    assert set(await listed(user_id="u1")) == {ids[1], ids[3]}
    assert set(await listed(min_messages=1, max_messages=2)) == set(ids[1:3])
    assert await listed(escalated=True) == []
    assert await listed(created_after=datetime.now().astimezone() + timedelta(hours=1)) == []
    assert await listed(created_before="2000-01-01T00:00:00Z") == []


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=1001", "cursor=nonsense", "created_after=yesterday", "colour=red",
     "min_messages=-1", "min_messages=2&max_messages=1"],
)  # fmt: skip
async def test_a_wrong_query_is_refused(client: httpx2.AsyncClient, query: str) -> None:
    """A listing names the part of the query that breaks a rule."""
    response = await client.get(f"/v1/sessions?{query}")
    assert (response.status_code, response.json()["code"]) == (422, "INVALID_REQUEST")
    assert response.json()["field"]


async def test_existence_is_a_question_with_two_answers(client: httpx2.AsyncClient) -> None:
    """`exists` answers 200 either way, and does not extend what it finds."""
    created = await _create(client, session_id="here")
    await asyncio.sleep(0.01)
    here = await client.get("/v1/sessions/here/exists")
    gone = await client.get("/v1/sessions/gone/exists")
    assert (here.status_code, here.json()) == (200, {"exists": True, "session_id": "here"})
    assert (gone.status_code, gone.json()) == (200, {"exists": False, "session_id": "gone"})
    shown = (await client.get("/v1/sessions/here")).json()
    assert shown["expires_at"] == created["expires_at"]


async def test_a_change_answers_what_it_did(client: httpx2.AsyncClient) -> None:
    """One PATCH sets, unsets, adds, claims and appends, and says where that left the session."""
    created = await _create(client, session_id="s", metadata={"old": 1})
    response = await client.patch(
        "/v1/sessions/s",
        json={
            "set": {"topic": "refund", "thread_id": "t"},
            "unset": ["old"],
            "add": {"message_count": 2},
            "at_most": {"message_count": 2},
            "claim": ["escalated"],
            "append": [{"role": "user"}, None],
            "expect_revision": 1,
        },
    )
    assert response.status_code == 200
    assert response.json() == {
        "revision": 2,
        "counters": {"message_count": 2, "escalated": 1},
        "first_item": 1,
        "last_item": 2,
        "replayed": False,
    }
    assert response.headers["ETag"] == f'"{created["incarnation"]}.2"'
    shown = (await client.get("/v1/sessions/s")).json()
    assert shown["metadata"] == {"topic": "refund"}
    assert (shown["thread_id"], shown["escalated"]) == ("t", True)


async def test_refused_changes_say_why_and_change_nothing(client: httpx2.AsyncClient) -> None:
    """Limits, flags, revisions and leases that stand against a change each have a code."""
    await _create(client, session_id="s")
    await client.patch("/v1/sessions/s", json={"claim": ["escalated"]})

    async def refused(**body: object) -> tuple[int, str]:
        response = await client.patch("/v1/sessions/s", json={"append": ["no"], **body})
        return response.status_code, response.json()["code"]

    assert await refused(add={"message_count": -1}) == (409, "LIMIT_REACHED")
    assert await refused(claim=["escalated"]) == (409, "FLAG_TAKEN")
    assert await refused(expect_revision=1) == (409, "REVISION_CONFLICT")
    assert await refused(lease_token="nobody's") == (409, "LEASE_LOST")
    shown = (await client.get("/v1/sessions/s")).json()
    assert shown["revision"] == 2
    assert (await client.get("/v1/sessions/s/items")).json()["items"] == []


async def test_if_match_guards_writes(client: httpx2.AsyncClient) -> None:
    """A stale entity tag is answered 412 and nothing happens; the present one passes."""
    created = await client.post("/v1/sessions", json={"session_id": "s"})
    stale = {"If-Match": created.headers["ETag"]}
    changed = await client.patch("/v1/sessions/s", json={"set": {"a": 1}}, headers=stale)
    assert changed.status_code == 200
    attempts = [
        await client.patch("/v1/sessions/s", json={"set": {"a": 2}}, headers=stale),
        await client.post("/v1/sessions/s/items", json={"items": [1]}, headers=stale),
        await client.post("/v1/sessions/s/extend", json={"ttl_seconds": 9}, headers=stale),
        await client.delete("/v1/sessions/s", headers=stale),
        await client.delete("/v1/sessions/s", headers={"If-Match": '"elsewhere"'}),
    ]
    assert {(made.status_code, made.json()["code"]) for made in attempts} == {
        (412, "PRECONDITION_FAILED")
    }
    assert (await client.get("/v1/sessions/s")).json()["metadata"] == {"a": 1}
    present = {"If-Match": changed.headers["ETag"]}
    assert (await client.delete("/v1/sessions/s", headers=present)).status_code == 200


async def test_if_match_of_an_earlier_incarnation_is_stale(client: httpx2.AsyncClient) -> None:
    """A deleted and re-created session is another one, though its revision is the same."""
    created = await client.post("/v1/sessions", json={"session_id": "s"})
    await client.delete("/v1/sessions/s")
    await _create(client, session_id="s")
    headers = {"If-Match": created.headers["ETag"]}
    response = await client.patch("/v1/sessions/s", json={"set": {"a": 1}}, headers=headers)
    assert response.status_code == 412


async def test_if_match_and_the_body_must_agree(client: httpx2.AsyncClient) -> None:
    """Two different expectations in one request are refused."""
    created = await client.post("/v1/sessions", json={"session_id": "s"})
    headers = {"If-Match": created.headers["ETag"]}
    body = {"set": {"a": 1}, "expect_revision": 7}
    response = await client.patch("/v1/sessions/s", json=body, headers=headers)
    assert (response.status_code, response.json()["field"]) == (422, "expect_revision")


async def test_a_repeated_change_is_applied_once(client: httpx2.AsyncClient) -> None:
    """The same Idempotency-Key gets the same answer; another content under it is refused."""
    await _create(client, session_id="s")
    headers = {"Idempotency-Key": "turn-1"}
    body = {"add": {"message_count": 1}, "append": ["hello"]}
    first = await client.patch("/v1/sessions/s", json=body, headers=headers)
    await client.patch("/v1/sessions/s", json={"add": {"message_count": 1}})
    again = await client.patch("/v1/sessions/s", json=body, headers=headers)
    assert again.json() == {**first.json(), "replayed": True}
    assert again.headers["ETag"] == first.headers["ETag"]
    assert (await client.get("/v1/sessions/s")).json()["message_count"] == 2
    other = await client.patch("/v1/sessions/s", json={"append": ["else"]}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "INVALID_REQUEST")


async def test_private_fields_are_neither_shown_nor_accepted(client: httpx2.AsyncClient) -> None:
    """What opens a conversation cannot be read or planted through the sessions' interface."""
    created = await _create(client, session_id="s")
    kept = {"secret_hash", "created_by", "facts", "feedback", "run", "begun", "budget_limit"}
    kept |= {"earlier_hash", "rotations", "rotated_at"}
    assert kept == PRIVATE
    assert not PRIVATE & created.keys()
    changed = await client.patch("/v1/sessions/s", json={"add": {"message_count": 1}})
    for counted in (changed, await client.get("/v1/sessions/s")):
        assert set(counted.json()["counters"]) == {"message_count", "escalated"}
    for name in PRIVATE:
        written = ({"set": {name: "x"}}, {"unset": [name]}, {"claim": [name]})
        for body in (*written, {"add": {name: 1}}, {"at_most": {name: 1}}):
            response = await client.patch("/v1/sessions/s", json=body)
            assert (response.status_code, response.json()["code"]) == (422, "INVALID_REQUEST")
        response = await client.post("/v1/sessions", json={name: "x"})
        assert response.status_code == 422
    assert "secret_hash" not in (await client.get("/openapi.json")).text


def test_every_declared_field_can_be_given_at_creation() -> None:
    """Creation takes what the model declares, but for what the store keeps itself."""
    kept = {"created_at", "updated_at", "last_activity", "expires_at", "revision", "incarnation"}
    declared = ServiceSession.model_fields.keys() - kept - PRIVATE
    assert NewSession.model_fields.keys() == declared | {"ttl_seconds", "budget_limit"}


async def test_extending_and_touching_move_the_deadline(client: httpx2.AsyncClient) -> None:
    """`extend` sets the idle time anew, `touch` starts it again; neither moves the revision."""
    await _create(client, session_id="s", ttl_seconds=50)
    extended = await client.post("/v1/sessions/s/extend", json={"ttl_seconds": 500})
    assert 499 < extended.json()["ttl_seconds"] <= 500
    await asyncio.sleep(1.05)  # a store may move deadlines no more than once a second
    touched = await client.post("/v1/sessions/s/touch")
    assert (touched.status_code, touched.content) == (204, b"")
    shown = (await client.get("/v1/sessions/s")).json()
    assert shown["expires_at"] > extended.json()["expires_at"]
    assert shown["revision"] == 1


async def test_deletion_is_answered_once(client: httpx2.AsyncClient) -> None:
    """A deleted session is gone to everything at once; deleting it again gives 404."""
    await _create(client, session_id="s")
    deleted = await client.delete("/v1/sessions/s")
    assert (deleted.status_code, deleted.json()) == (
        200,
        {"status": "deleted", "session_id": "s"},
    )
    for method, path, body in (
        ("GET", "/v1/sessions/s", None),
        ("PATCH", "/v1/sessions/s", {"set": {"a": 1}}),
        ("DELETE", "/v1/sessions/s", None),
        ("POST", "/v1/sessions/s/extend", {"ttl_seconds": 9}),
        ("POST", "/v1/sessions/s/touch", None),
        ("POST", "/v1/sessions/s/items", {"items": [1]}),
        ("GET", "/v1/sessions/s/items", None),
        ("DELETE", "/v1/sessions/s/items", None),
        ("POST", "/v1/sessions/s/lease", {"ttl_seconds": 5, "wait_seconds": 0}),
        ("PUT", "/v1/sessions/s/lease", {"lease_token": "t"}),
        ("DELETE", "/v1/sessions/s/lease", {"lease_token": "t"}),
    ):
        response = await client.request(method, path, json=body)
        problem = response.json()
        assert (response.status_code, problem["code"]) == (404, "SESSION_NOT_FOUND"), path
        assert problem["session_id"] == "s"


async def test_an_expired_session_is_absent(client: httpx2.AsyncClient) -> None:
    """A session whose time is over is not found, not counted and not revived."""
    await _create(client, session_id="s", ttl_seconds=0.05)
    await asyncio.sleep(0.1)
    assert (await client.get("/v1/sessions/s")).status_code == 404
    assert (await client.patch("/v1/sessions/s", json={"set": {"a": 1}})).status_code == 404
    assert (await client.get("/v1/sessions/count")).json() == {"active_session_count": 0}


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/v1/sessions/s/touch"), ("DELETE", "/v1/sessions/s/items")]
)
async def test_stale_callers_neither_touch_nor_clear(
    client: httpx2.AsyncClient, method: str, path: str
) -> None:
    """With the ETag of an earlier revision nothing happens; with the present one it does."""
    stale = (await client.post("/v1/sessions", json={"session_id": "s"})).headers["ETag"]
    current = await client.patch("/v1/sessions/s", json={"append": ["a"]})
    refused = await client.request(method, path, headers={"If-Match": stale})
    assert (refused.status_code, refused.json()["code"]) == (412, "PRECONDITION_FAILED")
    assert (await client.get("/v1/sessions/s/items")).json()["length"] == 1
    done = await client.request(method, path, headers={"If-Match": current.headers["ETag"]})
    assert done.status_code in {200, 204}
    absent = await client.request(method, path.replace("/s/", "/t/"), headers={"If-Match": stale})
    assert absent.status_code == 404
