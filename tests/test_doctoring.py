"""`holdfast doctor` looks at a store, says what to do, and fails where data would be lost."""

import os
import re
import sqlite3
from collections.abc import AsyncIterator
from importlib.resources import files
from pathlib import Path

import pytest

from holdfast.backends.redis.permissions import CLUSTER, CONNECTION, DATA, acl_line
from holdfast.cli import main
from holdfast.diagnosis import Level
from holdfast.doctoring import examine
from holdfast.keyring import Keyring
from holdfast.opening import RedisSessionStore, SQLiteSessionStore
from holdfast.verification.proxy import Proxy
from tests.redis_servers import ALWAYS, EVERYSEC, HOST, RedisServer, free_port, running
from tests.redis_topologies import Cluster, Replicated

Levels = dict[str, Level]
KEYS = Keyring.generate()


async def levels(url: str) -> Levels:
    """Say how each thing that is looked at was found."""
    return {finding.subject: finding.level for finding in await examine(url)}


class TestRedis:
    async def test_a_store_that_keeps_what_it_acknowledges_is_well(self, tmp_path: Path) -> None:
        """Nothing is to be done, and nothing is written but the mark of an empty store."""
        settings = {**ALWAYS, "hash-max-listpack-value": "512"}
        with running(server := RedisServer(tmp_path / "redis", settings=settings)):
            found = await examine(server.url())
            assert {finding.level for finding in found} == {"ok"}
            assert not any(finding.advice for finding in found)
            subjects = {
                "connection", "version", "eviction", "persistence", "replicas", "memory", "clock",
                "latency", "permissions",
            }  # fmt: skip
            assert {finding.subject for finding in found} == subjects
            assert server.ask("KEYS", "*") == [b"hf:{0}:meta"]

    async def test_what_would_lose_sessions_is_found(self, own_redis: RedisServer) -> None:
        """A server that evicts is a failure; one without a file, a warning."""
        assert (await levels(own_redis.url()))["persistence"] == "warn"
        own_redis.ask("CONFIG", "SET", "maxmemory-policy", "volatile-lru")
        assert (await levels(own_redis.url()))["eviction"] == "fail"
        own_redis.ask("CONFIG", "SET", "maxmemory-policy", "noeviction")
        for name, value in EVERYSEC.items():
            own_redis.ask("CONFIG", "SET", name, value)
        assert (await levels(own_redis.url()))["persistence"] == "ok"
        own_redis.ask("CONFIG", "SET", "appendfsync", "no")
        assert (await levels(own_redis.url()))["persistence"] == "warn"

    async def test_a_slow_way_is_found(self, redis_server: RedisServer) -> None:
        """By the time that a round trip takes."""
        async with Proxy((HOST, redis_server.port)) as proxy:
            with proxy.delayed(0.004):
                found = await levels(f"redis://{HOST}:{proxy.port}/0")
        assert found["latency"] == "warn"

    async def test_a_store_that_is_away_is_a_failure(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """It says so, and no password."""
        url = f"redis://someone:Pa55word@{HOST}:{free_port()}/0"
        assert await levels(url) == {"connection": "fail"}
        assert "Pa55word" not in str(await examine(url))

    async def test_a_replica_is_a_failure(self, sentinels: Replicated) -> None:
        """For it refuses what is written."""
        replica = next(node for node in sentinels.nodes if node is not sentinels.primary)
        found = await levels(replica.url())
        assert found.get("replicas") == "fail" or found["connection"] == "fail"

    async def test_sentinels_are_looked_at(self, sentinels: Replicated) -> None:
        """A majority has to be there; a primary that may be cut off is a warning."""
        found = await levels(sentinels.url)
        assert found["sentinels"] == "ok"
        assert found["replicas"] == "warn"

    async def test_sentinels_may_keep_to_themselves_whether_they_see_a_majority(
        self, sentinels: Replicated
    ) -> None:
        """The user that the documents give is enough for a store; one more command tells."""
        text = Path("docs/how-to/redis.md").read_text()
        words = re.search(r"`(resetchannels &\+switch-master[^`]+)`", text)
        more = re.search(r"`(\+sentinel\|ckquorum)`", text)
        assert words is not None
        assert more is not None
        url = f"{sentinels.url}?sentinel_username=agent&sentinel_password=secret"
        for sentinel in sentinels.sentinels:
            sentinel.ask("ACL", "SETUSER", "agent", "on", ">secret", *words[1].split())
        try:
            assert (await levels(url))["sentinels"] == "warn"
            for sentinel in sentinels.sentinels:
                sentinel.ask("ACL", "SETUSER", "agent", more[1])
            assert (await levels(url))["sentinels"] == "ok"
        finally:
            for sentinel in sentinels.sentinels:
                sentinel.ask("ACL", "DELUSER", "agent")

    async def test_every_primary_of_a_cluster_is_looked_at(self, redis_cluster: Cluster) -> None:
        """Each under its port."""
        found = await levels(redis_cluster.url)
        ports = {subject.partition(":")[0] for subject in found if ":" in subject}
        assert ports == {str(node.port) for node in redis_cluster.primaries}
        assert found["cluster"] == "ok"


class TestPermissions:
    async def test_the_documented_user_may_do_what_a_store_needs(
        self, own_redis: RedisServer
    ) -> None:
        """And no more: it works, and the doctor finds nothing missing."""
        words = acl_line("holdfast").replace("PASSWORD", "secret").split()
        own_redis.ask(*words)
        url = f"redis://holdfast:secret@{own_redis.address}/0"
        async with RedisSessionStore(f"{url}?near_cache=100", keys=KEYS) as store:
            await store.create("s", user_id="u", topic="t")
            for _ in range(2):
                assert (await store.get("s")) is not None
            async with store.lease("s"):
                await store.append("s", "item")
            assert [revision async for revision in _first(store.watch("s"))] == [2]
            async with store.backend.events("default"):
                await store.delete("s")
            assert await store.count_active() == 0
            assert (await store.health_check()).healthy
        assert (await levels(url))["permissions"] == "ok", "what it may not ask for was tried"
        assert own_redis.ask("KEYS", "*~probe*") == []
        own_redis.ask("ACL", "SETUSER", "holdfast", "-spublish")
        found = {finding.subject: finding for finding in await examine(url)}
        assert found["permissions"].level == "fail"
        assert "can't run this command" in found["permissions"].says

    async def test_what_is_denied_is_named(self, own_redis: RedisServer) -> None:
        """By the command, where the user may look that up."""
        words = acl_line("holdfast").replace("PASSWORD", "secret").split()
        url = f"redis://holdfast:secret@{own_redis.address}/0"
        own_redis.ask(*words, "+acl|whoami", "+acl|dryrun")
        assert (await levels(url))["permissions"] == "ok"
        own_redis.ask(*words, "-zscore", "-spublish")
        found = {finding.subject: finding for finding in await examine(url)}
        assert found["permissions"].level == "fail"
        assert "zscore" in found["permissions"].says
        assert "spublish" in found["permissions"].says
        own_redis.ask("ACL", "SETUSER", "holdfast", "+zscore", "+spublish", "resetchannels")
        found = {finding.subject: finding for finding in await examine(url)}
        assert found["permissions"].says.endswith("ssubscribe, spublish")

    def test_the_list_is_what_scripts_use(self) -> None:
        """Nothing that a script calls is missing, and nothing else is on it."""
        folder = files("holdfast.backends.redis") / "lua"
        called: set[str] = set()
        for script in folder.iterdir():
            text = script.read_text()
            called |= {name.lower() for name in re.findall(r"(?:call|many)\('([A-Z]+)'", text)}
        assert called <= set(DATA)
        assert set(DATA) - called <= {"hgetall", "lrange", "exists"}

    def test_the_documents_give_the_line(self) -> None:
        """As it is."""
        page = Path(__file__).parents[1] / "docs" / "how-to" / "redis.md"
        assert " ".join(acl_line("holdfast").split()) in " ".join(page.read_text().split())

    def test_what_a_cluster_needs_is_on_the_line(self) -> None:
        """One line serves all topologies."""
        for name in (*CONNECTION, *DATA, *CLUSTER):
            assert f" +{name}" in acl_line("holdfast")


async def _first(revisions: AsyncIterator[int]) -> AsyncIterator[int]:
    yield await anext(revisions)


class TestFiles:
    async def test_a_store_in_a_file_is_looked_at(self, tmp_path: Path) -> None:
        """One that is there, and one that is not."""
        path = tmp_path / "sessions.db"
        assert set((await levels(f"sqlite:///{path}")).values()) == {"ok"}
        assert list(tmp_path.iterdir()) == []
        async with SQLiteSessionStore(path, keys=KEYS) as store:
            await store.create("s")
        path.chmod(0o600)
        found = await levels(f"sqlite:///{path}")
        assert set(found.values()) == {"ok"}
        assert {"file", "journal", "integrity", "disk", "room"} < set(found)
        path.chmod(0o644)
        assert (await levels(f"sqlite:///{path}"))["permissions"] == "warn"

    async def test_what_is_no_store_is_a_failure(self, tmp_path: Path) -> None:
        """A missing folder, another application's file, and no database."""
        assert await levels(f"sqlite:///{tmp_path}/missing/s.db") == {"folder": "fail"}
        other = tmp_path / "other.db"
        connection = sqlite3.connect(other)
        connection.execute("CREATE TABLE t (x)")
        connection.commit()
        connection.close()
        assert (await levels(f"sqlite:///{other}"))["file"] == "fail"
        other.write_bytes(b"no database at all" * 100)
        assert (await levels(f"sqlite:///{other}"))["file"] == "fail"

    @pytest.mark.skipif(os.geteuid() == 0, reason="may write everywhere")
    async def test_a_folder_that_cannot_be_written_is_a_failure(self, tmp_path: Path) -> None:
        """Though the file could be read."""
        tmp_path.chmod(0o500)
        assert (await levels(f"sqlite:///{tmp_path}/s.db"))["folder"] == "fail"

    async def test_there_is_nothing_to_look_at_in_memory(self) -> None:
        """And that is well."""
        assert await levels("memory://") == {"memory": "ok"}


def test_the_command_says_what_to_do(
    own_redis: RedisServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line for each thing, the advice below it, and 1 for a failure."""
    assert main(["doctor", "--store", own_redis.url()]) == 0
    assert "ok    eviction     noeviction" in capsys.readouterr().out
    own_redis.ask("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    assert main(["doctor", "--store", own_redis.url()]) == 1
    told = capsys.readouterr().out
    assert re.search(r"fail  eviction .*\n +CONFIG SET maxmemory-policy noeviction", told)
    assert main(["doctor", "--store", "nothing://"]) == 1
    assert "url" in capsys.readouterr().err
