"""Answers that take their time stream to every tab, whatever becomes of sockets and workers."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import httpx2
import pytest

from tests.redis_servers import RedisServer
from tests.server.provider import Provider, provider
from tests.server.serving import Served, served
from tests.server.talking import Chat, Tab, begun, ending, tab

STORY: Final = "It was a dark and stormy night; the rain fell in torrents, and the tide came in. "
STORES: Final = {"sqlite": 2, "redis": 4}


@pytest.fixture(scope="module")
def model() -> Generator[Provider]:
    with provider() as model:
        yield model


@pytest.fixture(scope="module", params=STORES)
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, model: Provider
) -> Generator[Served]:
    """Several workers on one store."""
    folder = tmp_path_factory.mktemp("served")
    line = ["--workers", str(STORES[request.param])]
    if request.param == "redis":
        server: RedisServer = request.getfixturevalue("shared_redis")
        server.ask("FLUSHALL")
        line += ["--store", server.url()]
    with served(folder, *line, rate_limit="false", **model.settings) as service:
        yield service
        assert service.stop() == 0
        assert "Traceback" not in service.log()


@pytest.fixture
async def chat(service: Served) -> Chat:
    return await begun(service.url)


def worker_of(tab: Tab) -> int:
    """Say which process holds the other end of a tab's connection."""
    local, remote = tab.socket.local_address, tab.socket.remote_address
    ends = [f"0100007F:{end[1]:04X}" for end in (remote, local)]
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    inode = next(row[9] for row in rows if row[1:3] == ends)
    for process in Path("/proc").glob("[0-9]*"):
        try:
            held = {str(file.readlink()) for file in (process / "fd").iterdir()}
        except (FileNotFoundError, PermissionError):
            continue
        if f"socket:[{inode}]" in held:
            return int(process.name)
    raise AssertionError("nobody holds it")


@asynccontextmanager
async def tab_elsewhere(chat: Chat, one: Tab) -> AsyncGenerator[Tab]:
    """Open a tab at another worker."""
    here = worker_of(one)
    while True:
        async with tab(chat) as other:
            if worker_of(other) != here:
                yield other
                return


async def test_an_answer_streams_to_tabs_of_other_workers(chat: Chat, model: Provider) -> None:
    """Piece by piece, and put together it is what the log holds."""
    model.says(STORY * 2, between=0.03)
    async with tab(chat) as one, tab_elsewhere(chat, one) as other:
        await one.send("Tell me a story.", name="m1")
        for reader in (one, other):
            run_id = (await reader.until("run.finished"))["run_id"]
            deltas = [told for told in reader.told if told["type"] == "delta"]
            assert len(deltas) >= 3
            assert reader.text(run_id) == reader.messages()[-1]["content"]
            assert reader.text(run_id).strip() == (STORY * 2).strip()
            assert "writing" in [t["text_key"] for t in reader.told if t["type"] == "status"]


async def test_a_tab_that_joins_gets_the_text_so_far(chat: Chat, model: Provider) -> None:
    """The whole of it at offset 0, then the tail, nothing twice."""
    model.says(STORY * 2, between=0.03)
    async with tab(chat) as one:
        await one.send("Tell me a story.", name="m1")
        await one.until("delta", lambda told: bool(told["offset"] > 20))
        async with tab_elsewhere(chat, one) as late:
            first = await late.until("delta")
            assert first["offset"] == 0
            assert len(first["text"]) > 20
            run_id = (await late.until("run.finished"))["run_id"]
            assert late.text(run_id) == late.messages()[-1]["content"]
            assert [told["number"] for told in late.messages()] == [1, 2]


async def test_a_lost_socket_ends_no_run(chat: Chat, model: Provider) -> None:
    """The answer is there when the visitor comes back."""
    model.says(STORY, between=0.03)
    async with tab(chat) as one:
        await one.send("Tell me a story.", name="m1")
        await one.until("run.started")
    async with tab(chat, last_number=1) as again:
        await again.until("message")
        assert again.messages()[-1]["content"].strip() == STORY.strip()


async def test_any_worker_can_stop_a_run(chat: Chat, model: Provider) -> None:
    """What was told of the answer is kept, and the next message is answered."""
    model.says(STORY * 10, between=0.03)
    async with tab(chat) as one, tab_elsewhere(chat, one) as other:
        await one.send("Tell me a story.", name="m1")
        run_id = (await other.until("delta"))["run_id"]
        await other.say("run.cancel", run_id=run_id)
        for reader in (one, other):
            await reader.until("run.finished")
            stopped = reader.messages()[-1]
            assert stopped["outcome"] == "stopped"
            assert (STORY * 10).startswith(stopped["content"])
            assert reader.text(run_id).strip() == stopped["content"]
        model.says("Gladly.")
        await other.send("Something shorter, please.", name="m2")
        assert (await one.until("run.finished"))["number"] == 4


async def test_a_request_stops_a_run(chat: Chat, model: Provider) -> None:
    """At any worker, as often as it is asked for; a run that is not the one named goes on."""
    model.says(STORY * 10, between=0.03)
    async with (
        httpx2.AsyncClient(base_url=f"{chat.path}/", headers=chat.headers, timeout=60) as client,
        tab(chat) as one,
    ):
        await one.send("Tell me a story.", name="m1")
        run_id = (await one.until("delta"))["run_id"]
        other = (await client.post("stop", json={"run_id": "another"})).json()
        assert other == {"session_id": chat.session_id, "run_id": None}
        for body in ({"run_id": run_id}, {}, {"run_id": run_id}):
            answer = await client.post("stop", json=body)
            assert answer.status_code == 200
            assert answer.json()["run_id"] in {run_id, None}
        await one.until("run.finished")
        assert one.messages()[-1]["outcome"] == "stopped"
        assert len(one.messages()[-1]["content"]) < len(STORY * 10)
        for _ in range(2):
            assert (await client.post("stop")).json()["run_id"] is None
        model.says("Gladly.")
        await one.send("Something shorter, please.", name="m2")
        await one.until("run.finished")
        assert one.messages()[-1]["content"] == "Gladly."


async def test_typing_is_told_at_other_workers(chat: Chat) -> None:
    """When somebody writes, has stopped, and is gone without a word."""
    async with tab(chat) as one:
        async with tab_elsewhere(chat, one) as other:
            for on in (True, False, True):
                await other.say("typing", on=on)
                assert (await one.until("typing"))["on"] is on
            await other.say("ping")
            await other.until("pong")
            assert "typing" not in [told["type"] for told in other.told]
        assert (await one.until("typing"))["on"] is False
        await one.send("Hello?", name="m1")
        await one.until("run.finished")


async def test_messages_wait_while_an_answer_is_made(chat: Chat, model: Provider) -> None:
    """Each is acknowledged at once and answered in its turn, wherever it was sent."""
    model.says("One after the other.", between=0.05)
    async with tab(chat) as one, tab_elsewhere(chat, one) as other:
        for number, sender in enumerate((one, other, one)):
            ack = await sender.send(f"Question {number}?", name=f"m{number}")
            assert ack["number"] == number + 1
        for reader in (one, other):
            await reader.until("message", lambda told: bool(told["number"] == 6))
            asked = [told["id"] for told in reader.messages()[:3]]
            assert [told["reply_to"] for told in reader.messages()[3:]] == asked


async def test_a_failed_run_can_be_taken_again(chat: Chat, model: Provider) -> None:
    """The visitor is told in words, the message is kept, and sent again it is answered."""
    model.fails()
    async with tab(chat) as one, tab_elsewhere(chat, one) as other:
        sent = await one.send("Tell me a story.", name="m1")
        for reader in (one, other):
            interrupted = await reader.until("run.interrupted")
            assert interrupted["retryable"]
            assert interrupted["detail"]
            assert interrupted["message_id"] == sent["message_id"]
        model.says(STORY)
        assert await other.send("Tell me a story.", name="m1") == {**sent, "duplicate": True}
        assert (await one.until("run.finished"))["number"] == 2


async def test_a_refusal_that_lasts_is_not_to_be_retried(chat: Chat, model: Provider) -> None:
    """Whoever sees the run, whenever: to repeat the message would not help."""
    model.fails(401)
    async with tab(chat) as one, tab_elsewhere(chat, one) as other:
        await one.send("Tell me a story.", name="m1")
        for reader in (one, other):
            assert not (await reader.until("run.interrupted"))["retryable"]
        async with tab(chat) as late:
            assert not (await late.until("run.interrupted"))["retryable"]


async def test_a_killed_worker_leaves_a_run_to_be_retried(chat: Chat, model: Provider) -> None:
    """Tabs at other workers keep the text so far, and soon are offered to try again."""
    model.says(STORY * 10, between=0.05)
    async with tab(chat) as one, tab_elsewhere(chat, one) as other:
        sent = await one.send("Tell me a story.", name="m1")
        run_id = (await other.until("delta"))["run_id"]
        os.kill(worker_of(one), signal.SIGKILL)
        interrupted = await other.until("run.interrupted")
        assert (interrupted["run_id"], interrupted["retryable"]) == (run_id, True)
        assert (STORY * 10).startswith(other.text(run_id))
        async with tab(chat) as late:
            again = await late.until("run.interrupted")
            assert again == interrupted
            assert late.text(run_id) == other.text(run_id)
        model.says(STORY)
        assert await other.send("Tell me a story.", name="m1") == {**sent, "duplicate": True}
        finished = await other.until("run.finished")
        assert finished["number"] == 2
        assert finished["run_id"] != run_id
        assert [told["number"] for told in other.messages()] == [1, 2]


class TestStopping:
    """What a stop leaves behind."""

    async def test_runs_finish_within_the_grace(self, tmp_path: Path, model: Provider) -> None:
        """Tabs are told to come back; when they do, the answer is there."""
        model.says(STORY, between=0.05)
        with served(tmp_path, **model.settings) as here:
            chat = await begun(here.url)
            async with tab(chat) as one:
                await one.send("Tell me a story.", name="m1")
                await one.until("delta")
                here.process.terminate()
                assert await ending(one.socket) == 1012
            assert await asyncio.to_thread(here.stop) == 0
        with served(tmp_path, **model.settings) as here:
            async with tab(Chat(here.url, chat.session_id, chat.secret)) as again:
                await again.until("message", lambda told: bool(told["number"] == 2))
                assert again.messages()[-1]["content"].strip() == STORY.strip()

    async def test_runs_beyond_the_grace_can_be_retried(
        self, tmp_path: Path, model: Provider
    ) -> None:
        """They are marked as interrupted; a message that waited behind one is answered."""
        model.says(STORY * 20, between=0.05)
        with served(tmp_path, shutdown_seconds="1", **model.settings) as here:
            chat = await begun(here.url)
            async with tab(chat) as one:
                await one.send("Tell me a story.", name="m1")
                await one.send("And another one.", name="m2")
                await one.until("delta")
                here.process.terminate()
                assert await ending(one.socket) == 1012
            assert await asyncio.to_thread(here.stop) == 0
            assert "Traceback" not in here.log()
        model.says("Gladly.")
        with served(tmp_path, **model.settings) as here:
            async with tab(Chat(here.url, chat.session_id, chat.secret)) as again:
                interrupted = await again.until("run.interrupted")
                assert interrupted["message_id"] == again.messages()[0]["id"]
                second = await again.until("message", lambda told: bool(told["number"] == 3))
                assert second["reply_to"] == again.messages()[1]["id"]
                await again.send("Tell me a story.", name="m1")
                retried = await again.until("message", lambda told: bool(told["number"] == 4))
                assert retried["reply_to"] == again.messages()[0]["id"]
