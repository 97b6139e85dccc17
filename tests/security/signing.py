"""People who are signed in, for tests of what stands around a sign-in."""

from typing import Final

import httpx2
from fastapi import FastAPI

from holdfast.server.csrf import CSRF_HEADER

PASSWORD: Final = "seven lamps under a grey bridge"
PAGE: Final = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}


async def add_staff(app: FastAPI, *names: str) -> None:
    for name in names:
        await app.state.service.users.add(name, PASSWORD, roles=["staff"])


async def token_of(client: httpx2.AsyncClient, name: str = "ann") -> dict[str, str]:
    """Sign in as a program does; the header that shows it."""
    body = {"username": name, "password": PASSWORD}
    answer = await client.post("/v1/auth/login", json=body)
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


async def enter_page(client: httpx2.AsyncClient, name: str = "ann") -> str:
    """Sign in as a page does, by a cookie; the token that goes with what it changes."""
    body = {"username": name, "password": PASSWORD}
    answer = await client.post("/v1/auth/login", json=body, headers=PAGE)
    assert answer.status_code == 200, answer.text
    return answer.headers[CSRF_HEADER]
