"""Starting and stopping, in processes of their own."""

import asyncio
import json
import os
import re
import signal
import socket
from pathlib import Path

import httpx2
import pytest

from holdfast import Health, Keyring, SessionStore, open_store
from holdfast.cli import main
from holdfast.server.keys import make_key_file
from holdfast.server.model import ServiceSession
from holdfast.server.service import StartRefused, check_start
from holdfast.server.settings import Settings
from tests.server.serving import API_KEY, Served, environment, free_port, launch, refused, served

TEXT = "some text that is neither a database nor a key\n" * 100
HEADERS = {"Authorization": f"Bearer {API_KEY}"}


async def _increment(client: httpx2.AsyncClient, answers: list[int]) -> None:
    """Change one session until the service takes no more requests."""
    while True:
        try:
            response = await client.patch("/v1/sessions/s", json={"add": {"message_count": 1}})
        except httpx2.TransportError:
            # It was not taken any more: the session's counter will show that it was not applied.
            return
        answers.append(response.status_code)


async def _stop_under_load(service: Served, ending: signal.Signals) -> list[int]:
    answers: list[int] = []
    async with httpx2.AsyncClient(base_url=service.url, headers=HEADERS, timeout=30) as client:
        await client.post("/v1/sessions", json={"session_id": "s"})
        callers = [asyncio.create_task(_increment(client, answers)) for _ in range(8)]
        while len(answers) < 50:
            await asyncio.sleep(0.01)
        code = await asyncio.to_thread(service.stop, ending)
        await asyncio.gather(*callers)
    assert code == 0
    return answers


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_under_load_ends_it_well(tmp_path: Path, ending: signal.Signals) -> None:
    """Every request that was taken is answered, the changes are stored, and the code is 0."""
    with served(tmp_path) as service:
        answers = await _stop_under_load(service, ending)
    assert set(answers) == {200}
    url, keys = f"sqlite:///{tmp_path}/data/sessions.db", tmp_path / "data" / "holdfast.key"
    async with open_store(url, model=ServiceSession, keys=Keyring.from_file(keys)) as store:
        session = await store.get("s")
    assert session is not None
    assert session.message_count == len(answers)


async def test_a_turn_in_flight_is_finished(tmp_path: Path) -> None:
    """A request that waits when the signal comes gets its answer; its lease is given back."""
    with served(tmp_path) as service:
        async with httpx2.AsyncClient(base_url=service.url, headers=HEADERS) as client:
            await client.post("/v1/sessions", json={"session_id": "s"})
            body = {"ttl_seconds": 1, "wait_seconds": 20}
            await client.post("/v1/sessions/s/lease", json=body)
            waiting = asyncio.create_task(client.post("/v1/sessions/s/lease", json=body))
            await asyncio.sleep(0.3)
            code = await asyncio.to_thread(service.stop)
            assert (await waiting).status_code == 200
        assert code == 0


async def test_waiting_for_the_end_has_an_end(tmp_path: Path) -> None:
    """Beyond the time to finish, what is still in flight is given up."""
    with served(tmp_path, shutdown_seconds="1") as service:
        async with httpx2.AsyncClient(base_url=service.url, headers=HEADERS) as client:
            await client.post("/v1/sessions", json={"session_id": "s"})
            body = {"ttl_seconds": 300, "wait_seconds": 60}
            await client.post("/v1/sessions/s/lease", json=body)
            waiting = asyncio.create_task(
                client.post("/v1/sessions/s/lease", json=body, timeout=90)
            )
            await asyncio.sleep(0.3)
            async with asyncio.timeout(20):
                assert await asyncio.to_thread(service.stop) == 0
            given_up = await waiting
            assert (given_up.status_code, given_up.json()["code"]) == (503, "STORE_UNAVAILABLE")
            assert given_up.headers["Retry-After"] == "1"
        assert "Traceback" not in service.log()


def test_a_service_that_must_not_start_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Settings that do not go together end the start with a code, and nothing is made."""
    code = main(["serve", "--store", "memory://", "--workers", "2", "--port", "70000"])
    named = capsys.readouterr().err
    assert code == 1
    assert "HOLDFAST_WORKERS" in named
    assert "HOLDFAST_PORT" in named
    assert not (tmp_path / "data").exists()


def test_a_part_that_is_out_ends_the_command(tmp_path: Path) -> None:
    """The command ends with 1 and a sentence that names the part, not with a traceback."""
    (tmp_path / "data").mkdir()
    make_key_file(tmp_path / "data" / "holdfast.key")
    (tmp_path / "data" / "sessions.db").write_text(TEXT)
    code, output = refused(tmp_path, "--port", str(free_port()))
    assert code == 1
    assert "The session store cannot be used" in output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("file", "part"),
    [
        ("sessions.db", "session store"),
        ("knowledge.db", "knowledge base"),
        ("holdfast.key", "keys"),
    ],
)
async def test_each_needed_part_stops_the_start(tmp_path: Path, file: str, part: str) -> None:
    """A store, a knowledge base or a key that cannot be used is named."""
    (tmp_path / "data").mkdir()
    make_key_file(tmp_path / "data" / "holdfast.key")
    (tmp_path / "data" / file).write_text(TEXT)
    with pytest.raises(StartRefused, match=f"The {part} cannot be used"):
        await check_start(Settings.load())


async def test_keys_that_open_nothing_stop_the_start(tmp_path: Path) -> None:
    """With other keys than the sessions were sealed with, the service does not start."""
    url, keys = f"sqlite:///{tmp_path}/s.db", Keyring.generate("first")
    async with open_store(url, model=ServiceSession, keys=keys) as store:
        for _ in range(3):
            await store.create()
    with pytest.raises(StartRefused, match=r"none of the 3 sessions .* opens"):
        await check_start(Settings.load(store=url, keys=Keyring.generate("other").to_text()))
    await check_start(Settings.load(store=url, keys=keys.to_text()))


async def test_a_data_folder_that_is_a_file_stops_the_start(tmp_path: Path) -> None:
    """There has to be a place for key and data."""
    (tmp_path / "data").write_text("a file")
    with pytest.raises(StartRefused):
        await check_start(Settings.load())


async def test_a_store_that_does_not_work_stops_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store is tried, not only opened."""

    async def unhealthy(_: object) -> Health:
        return Health(False, {"write": False}, 0.1, "the disk is full")

    monkeypatch.setattr(SessionStore, "health_check", unhealthy)
    with pytest.raises(StartRefused, match="the disk is full"):
        await check_start(Settings.load())


def test_a_port_in_use_stops_the_start(tmp_path: Path) -> None:
    """Somebody else's port ends the start with a code, with one worker and with two."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for workers in ("1", "2"):
            code, output = refused(tmp_path, "--port", port, "--workers", workers)
            assert code != 0
            assert "ddress already in use" in output


def test_the_first_command_is_enough(tmp_path: Path) -> None:
    """Without any preparation the page, the chat and a closed interface are there."""
    port = free_port()
    output = tmp_path / "output.txt"
    env = {name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ}
    process = launch(tmp_path, "serve", "--port", str(port), env=env, output=output)
    service = Served(process, f"http://127.0.0.1:{port}", output)
    try:
        _until_ready(service)
        with httpx2.Client(base_url=service.url) as client:
            assert "<!doctype html>" in client.get("/", headers={"Accept": "text/html"}).text
            begun = client.post("/v1/chat/sessions", json={}).json()
            answer = client.post(
                f"/v1/chat/sessions/{begun['session_id']}/messages",
                json={"message": "How do I reset my password?"},
                headers={"Authorization": f"Bearer {begun['session_secret']}"},
            )
            assert answer.json()["sources"]
            assert client.get("/v1/sessions").status_code == 401
        assert f"http://127.0.0.1:{port}/" in service.log()
        assert begun["session_secret"] not in service.log()
        assert begun["session_id"] not in service.log()
    finally:
        assert service.stop() == 0


def test_the_address_is_told_when_it_is_certain(tmp_path: Path) -> None:
    """A service that may choose its port names the one it got; one that cannot listen, none."""
    for workers in ("1", "2"):
        output = tmp_path / f"chosen-{workers}.txt"
        line = ("serve", "--port", "0", "--workers", workers)
        env = environment(shipped_articles="false")
        process = launch(tmp_path, *line, env=env, output=output)
        try:
            port = _told_port(output)
            assert port > 0
            _until_ready(Served(process, f"http://127.0.0.1:{port}", output))
        finally:
            assert Served(process, "", output).stop() == 0
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        _, said = refused(tmp_path, "--port", str(taken.getsockname()[1]))
    assert "http://" not in said


def _told_port(output: Path) -> int:
    for _ in range(600):
        told = re.search(
            r"^Holdfast: http://127\.0\.0\.1:(\d+)/$", output.read_text(), re.MULTILINE
        )
        if told:
            return int(told[1])
        signal.sigtimedwait([], 0.1)
    raise AssertionError(output.read_text())


def test_the_log_goes_to_a_file(tmp_path: Path) -> None:
    """Named, the file gets every line as JSON, after those it holds; a wrong one is refused."""
    log = tmp_path / "service.log"
    log.write_text('{"event": "earlier"}\n')
    with served(tmp_path, log_file=str(log)) as service:
        httpx2.get(f"{service.url}/health", headers={"X-Request-ID": "look-here"})
    assert "look-here" not in service.log()
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert lines[0] == {"event": "earlier"}
    assert "look-here" in {line.get("request_id") for line in lines}
    code, said = refused(tmp_path, log_file=str(tmp_path / "nowhere" / "service.log"))
    assert (code, "The log file cannot be used" in said) == (1, True)


def test_production_logs_json(tmp_path: Path) -> None:
    """Outside development each line on standard error is a JSON object with the request id."""
    (tmp_path / "data").mkdir()
    keys = "k1:" + "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA="
    with served(tmp_path, environment="production", keys=keys) as service:
        httpx2.get(f"{service.url}/health", headers={"X-Request-ID": "look-here"})
    lines = [line for line in service.log().splitlines() if line.startswith("{")]
    found = [json.loads(line) for line in lines]
    assert [line["route"] for line in found if line.get("request_id") == "look-here"] == ["/health"]
    assert "q83vEjRW" not in service.log()


def _until_ready(service: Served) -> None:
    for _ in range(600):
        assert service.process.poll() is None, service.log()
        try:
            if httpx2.get(f"{service.url}/health/ready").status_code == 200:
                return
        except httpx2.TransportError:
            signal.sigtimedwait([], 0.1)
    raise AssertionError(service.log())
