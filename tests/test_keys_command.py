"""`holdfast keys` and `holdfast sessions reseal`: keys are exchanged under a store in use."""

import asyncio
import re
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

import holdfast
from holdfast import Keyring, open_store
from holdfast.cli import main
from holdfast.key_file import new_entry, rotate, write_key_file
from holdfast.keyring import read_key_file
from holdfast.server.keys import OWN_BY_NAMESPACE, OWN_NAMESPACES
from holdfast.server.model import ServiceSession


@pytest.fixture
def path(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A file with one key, made by the command."""
    path = tmp_path / "keys"
    assert main(["keys", "generate", "--id", "first", "--file", str(path)]) == 0
    assert capsys.readouterr().out == "first\n"
    return path


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def secrets(path: Path) -> list[str]:
    """Give what must never be printed."""
    return [entry.written().partition(":")[2][:20] for entry in read_key_file(path)]


async def fill(url: str, path: Path, *names: str) -> None:
    async with open_store(url, model=ServiceSession, keys=Keyring.from_file(path)) as store:
        for name in names:
            await store.create(name, user_id="ann", topic="refund")
            await store.append(name, "hello")


def test_a_file_of_keys_is_made_once(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For its owner alone; a second one is refused, and the first stays."""
    before = path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert main(["keys", "generate", "--file", str(path)]) == 1
    assert "rotate" in capsys.readouterr().err
    assert path.read_text() == before


def test_keys_are_listed_by_their_ids(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With what each of them does now, and nothing of a key."""
    assert main(["keys", "rotate", "--id", "second", "--file", str(path)]) == 0
    assert main(["keys", "list", "--file", str(path)]) == 0
    said = capsys.readouterr()
    assert re.search(r"first +seals\n", said.out)
    assert re.search(r"second +seals in 1?\d s", said.out)
    assert not any(secret in said.out + said.err for secret in secrets(path))


async def test_a_key_is_rotated_resealed_and_retired(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It stays as long as anything stands under it; afterwards everything reads without it."""
    url = f"sqlite:///{tmp_path}/sessions.db"
    file, store = ["--file", str(path)], ["--store", url]
    await fill(url, path, "a", "b")

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(list(arguments))
        said = capsys.readouterr()
        assert not any(secret in said.out + said.err for secret in secrets(path))
        return code, said.out, said.err

    async def command(*arguments: str) -> tuple[int, str, str]:
        return await asyncio.to_thread(run, *arguments)

    code, _, refused = await command("keys", "retire", "first", *file, *store)
    assert (code, "seals" in refused) == (1, True)
    assert (await command("keys", "rotate", "--id", "second", "--settle", "0", *file))[0] == 0
    code, _, refused = await command("keys", "retire", "first", "--settle", "0", *file, *store)
    assert (code, "8 values" in refused, "'first'" in refused) == (1, True, True)
    code, said, _ = await command("sessions", "reseal", "--keys-file", str(path), *store)
    assert (code, "left under key first: 0" in said) == (0, True)
    code, said, _ = await command("keys", "retire", "first", "--settle", "0", *file, *store)
    assert (code, said.startswith("first is retired: nothing stood under it")) == (0, True)
    assert all(name in said for name in ("default", "~login.default", "~audit", "No other"))
    assert [key.key_id for key in Keyring.from_file(path)] == ["second"]
    async with open_store(url, model=ServiceSession, keys=Keyring.from_file(path)) as opened:
        found = await opened.get("a")
        assert found is not None
        assert found.metadata == {"topic": "refund"}
        assert [item.value for item in await opened.items("b")] == ["hello"]


async def test_every_namespace_that_is_named_is_looked_into(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A store does not tell which it has: one that shares the keys stops the end of a key."""
    url, keys = f"sqlite:///{tmp_path}/sessions.db", Keyring.from_file(path)
    for namespace in ("shop", "desk"):
        async with open_store(url, model=ServiceSession, keys=keys, namespace=namespace) as store:
            await store.create("a")
    rotate(path, key_id="second", settles=0, now=0)
    retiring = ["keys", "retire", "first", "--settle", "0", "--file", str(path), "--store", url]
    resealing = ["sessions", "reseal", "--keys-file", str(path), "--store", url]
    assert await asyncio.to_thread(main, [*resealing, "--namespace", "shop"]) == 0
    both = ["--namespace", "shop", "--namespace", "desk"]
    capsys.readouterr()
    assert await asyncio.to_thread(main, [*retiring, *both]) == 1
    said = capsys.readouterr().err
    assert "in the namespaces desk." in said
    assert await asyncio.to_thread(main, [*resealing, *both]) == 0
    capsys.readouterr()
    assert await asyncio.to_thread(main, [*retiring, *both]) == 0
    assert "in the namespaces shop, ~audit" in capsys.readouterr().out
    assert [key.key_id for key in Keyring.from_file(path)] == ["second"]
    assert await asyncio.to_thread(main, [*resealing, "--namespace", "~login"]) == 1


def test_a_file_is_never_written_over(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of commands that make one at once, those that come late are refused."""
    together = Barrier(4)

    def make(name: str) -> int:
        together.wait()
        return main(["keys", "generate", "--id", name, "--file", f"{path}.new"])

    with ThreadPoolExecutor(4) as threads:
        codes = list(threads.map(make, "abcd"))
    assert sorted(codes) == [0, 1, 1, 1]
    (told,) = capsys.readouterr().out.split()
    assert Keyring.from_file(f"{path}.new").primary.key_id == told


async def test_a_key_that_is_about_to_seal_is_waited_for(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where it does so before the file is due to be looked at again."""
    url = f"sqlite:///{tmp_path}/sessions.db"
    await fill(url, path, "a")
    entry = new_entry("second", seals_from=int(time.time()) + 1)
    write_key_file(path, [entry, *read_key_file(path)])
    command = ["sessions", "reseal", "--keys-file", str(path), "--store", url]
    assert await asyncio.to_thread(main, command) == 0
    assert "4 values sealed anew under key second\nleft under key first: 0" in (
        capsys.readouterr().out
    )


async def test_what_does_not_open_is_left_and_told(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The rest is sealed anew; the command says under which key how much is left, and fails."""
    url, foreign = f"sqlite:///{tmp_path}/sessions.db", Keyring.generate("foreign")
    await fill(url, path, "a")
    async with open_store(url, model=ServiceSession, keys=foreign) as store:
        await store.create("b")
    rotate(path, key_id="second", settles=0, now=0)
    command = ["sessions", "reseal", "--keys-file", str(path), "--store", url]
    assert await asyncio.to_thread(main, command) == 1
    said = capsys.readouterr()
    assert "left under key first: 0" in said.out
    assert "left under key foreign: 1" in said.out
    assert "1 sessions do not open" in said.err


def test_sessions_in_memory_are_out_of_reach(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another process cannot look into them: no key is retired for that."""
    rotate(path, key_id="second", settles=0, now=0)
    command = ["keys", "retire", "first", "--settle", "0", "--file", str(path)]
    assert main([*command, "--store", "memory://"]) == 1
    assert "memory of its process" in capsys.readouterr().err
    assert len(read_key_file(path)) == 2


def test_a_file_that_others_may_read_is_refused(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By every command that uses it, with what to do."""
    path.chmod(0o644)
    for command in (["list"], ["rotate"], ["retire", "first"]):
        assert main(["keys", *command, "--file", str(path)]) == 1
        assert f"chmod 600 {path}" in capsys.readouterr().err


def test_every_namespace_of_the_product_is_resealed() -> None:
    """Whoever opens a store beside the sessions has its name in the list."""
    source = Path(holdfast.__file__).parent
    files = [path.read_text() for path in source.rglob("*.py")]
    calls = sum(len(re.findall(r"(?<!def )open_beside\(", text)) for text in files)
    assert calls == len(OWN_NAMESPACES) + len(OWN_BY_NAMESPACE)
