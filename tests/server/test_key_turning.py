"""Keys are exchanged under a service of two workers, which nobody restarts."""

import asyncio
import time
from collections import Counter
from pathlib import Path

import httpx2
import pytest

from holdfast import Keyring, open_store
from holdfast.cli import main
from holdfast.key_file import new_entry, rotate, write_key_file
from holdfast.resealing import SealedSpace
from tests.server.serving import served
from tests.server.talking import SOON, Chat, begun

BEGUN_AT_ONCE = 10


async def count(url: str, path: Path) -> Counter[str]:
    """Count what stands under which key in the store of a service that runs."""
    keys = Keyring.from_file(path)
    async with open_store(url, keys=keys) as store:
        return await SealedSpace(store.backend, namespace="default", keys=keys).count()


async def begin(service: str, how_many: int = BEGUN_AT_ONCE) -> None:
    """Begin conversations, on connections that come to both workers."""
    await asyncio.gather(*(begun(service) for _ in range(how_many)))


async def say(chat: Chat) -> int:
    async with httpx2.AsyncClient(base_url=f"{chat.path}/", headers=chat.headers) as client:
        answer = await client.post("messages", json={"message": "Hello"}, timeout=60)
        return answer.status_code


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_workers_go_over_to_a_new_key_while_they_serve(tmp_path: Path) -> None:
    """They seal under it, both; when the old one is retired, conversations go on."""
    path, url = tmp_path / "keys", f"sqlite:///{tmp_path}/sessions.db"
    write_key_file(path, [new_entry("first")])
    workers = ("--workers", "2", "--store", url)
    with served(tmp_path, *workers, keys_file=str(path), rate_limit="false") as service:
        chat = await begun(service.url)
        assert await say(chat) == 200
        assert set(await count(url, path)) == {"first"}

        rotate(path, key_id="second", settles=2, now=time.time())
        async with asyncio.timeout(SOON):
            while True:
                before = await count(url, path)
                await begin(service.url)
                after = await count(url, path)
                if after["first"] == before["first"] and after["second"] > before["second"]:
                    break

        commands = (
            ["sessions", "reseal", "--keys-file", str(path), "--store", url],
            ["keys", "retire", "first", "--settle", "0", "--file", str(path), "--store", url],
        )
        for command in commands:
            assert await asyncio.to_thread(main, command) == 0
        assert set(await count(url, path)) == {"second"}
        assert await say(chat) == 200
        await begin(service.url)
        assert set(await count(url, path)) == {"second"}
        assert service.stop() == 0
        assert "Traceback" not in service.log()
        assert "keys.changed" in service.log()
