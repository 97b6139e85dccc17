"""The log of a session over HTTP."""

import httpx2
import pytest


@pytest.fixture
async def path(client: httpx2.AsyncClient) -> str:
    await client.post("/v1/sessions", json={"session_id": "s"})
    return "/v1/sessions/s/items"


async def test_items_are_appended_and_read_in_order(client: httpx2.AsyncClient, path: str) -> None:
    """Any JSON goes into the log, and comes back with its number and time."""
    values: list[object] = [{"role": "user", "content": "é"}, None, 1.0, [], "text"]
    appended = await client.post(path, json={"items": values})
    assert appended.json() == {"first_item": 1, "last_item": 5, "length": 5, "revision": 2}
    read = (await client.get(path)).json()
    assert [item["value"] for item in read["items"]] == values
    assert [item["number"] for item in read["items"]] == [1, 2, 3, 4, 5]
    assert all(item["at"].endswith("Z") for item in read["items"])
    assert (read["length"], read["last_item"]) == (5, 5)
    stretch = (await client.get(path, params={"after": 2, "limit": 2})).json()
    assert [item["number"] for item in stretch["items"]] == [3, 4]


async def test_cleared_numbers_are_not_used_again(client: httpx2.AsyncClient, path: str) -> None:
    """After a clearing the log is empty, and its numbers go on."""
    await client.post(path, json={"items": [1, 2]})
    cleared = await client.delete(path)
    assert (cleared.status_code, cleared.json()) == (200, {"status": "cleared"})
    assert (await client.get(path)).json() == {"items": [], "length": 0, "last_item": 2}
    appended = await client.post(path, json={"items": ["next"]})
    assert appended.json()["first_item"] == 3


async def test_a_repeated_append_is_applied_once(client: httpx2.AsyncClient, path: str) -> None:
    """The same Idempotency-Key appends once and gives the same numbers."""
    headers = {"Idempotency-Key": "a"}
    first = await client.post(path, json={"items": ["x"]}, headers=headers)
    again = await client.post(path, json={"items": ["x"]}, headers=headers)
    assert again.json() == first.json()
    assert (await client.get(path)).json()["length"] == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [({"items": []}, "items"), ({}, "items"), ({"items": [1], "more": 1}, "more")],
)
async def test_a_wrong_append_is_refused(
    client: httpx2.AsyncClient, path: str, body: object, field: str
) -> None:
    """An append without items, or with unknown keys, names what is wrong."""
    response = await client.post(path, json=body)
    assert (response.status_code, response.json()["field"]) == (422, field)


async def test_a_stretch_has_bounds(client: httpx2.AsyncClient, path: str) -> None:
    """A page of the log holds at most 1000 items, and begins at a number."""
    for query in ("limit=0", "limit=1001", "after=-1", "after=x"):
        assert (await client.get(f"{path}?{query}")).status_code == 422
    assert (await client.get(f"{path}?limit=1000&after=0")).status_code == 200
