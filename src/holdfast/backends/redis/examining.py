"""A look at the servers of a store: what would lose data, what would slow it down, what is denied.

Nothing is changed (a link that is opened marks an empty store as one), and no password is said.
"""

import asyncio
import secrets
from collections.abc import Mapping
from statistics import median
from time import perf_counter, time
from typing import Final, NamedTuple

from holdfast.backend import Acquire, Add, Apply, Create, Delete, Read, Release
from holdfast.backends.redis.calling import Caller
from holdfast.backends.redis.changing import Changing
from holdfast.backends.redis.leasing import Leasing
from holdfast.backends.redis.link import Command, Link, Refused, Reply
from holdfast.backends.redis.linking import link_to
from holdfast.backends.redis.living import Living
from holdfast.backends.redis.location import Address, Location, parse
from holdfast.backends.redis.node import DEAF, Node
from holdfast.backends.redis.permissions import CLUSTER, CONNECTION, DATA, trial
from holdfast.backends.redis.reading import Reading
from holdfast.backends.redis.resp import encode
from holdfast.backends.redis.users import Users
from holdfast.diagnosis import Finding, Level
from holdfast.errors import InvalidStore, StoreUnavailable

PINGS: Final = 50
MINUTE: Final = 60_000_000
NOT_TOLD: Final = "not told"
ADVICE: Final = "Give the user the line in docs/how-to/redis.md."
SLOW: Final = 0.005
APART: Final = 1.0
# Sealed values are longer than what Redis packs tightly by default.
# The leaves of an index, which change often, are longer than that, and stay unpacked.
LISTPACK_VALUE: Final = 512
SETTINGS: Final = (
    b"appendfsync", b"hash-max-listpack-value", b"list-max-listpack-size", b"maxmemory-policy",
    b"min-replicas-to-write",
)  # fmt: skip


class Server(NamedTuple):
    """What a primary says of itself; `settings` is None when it does not tell."""

    info: Mapping[str, str]
    settings: Mapping[str, str] | None


async def examine_location(url: str) -> list[Finding]:
    """Look at the store that a URL names; one that cannot be opened is a finding.

    Raises:
        InvalidSession: the URL cannot be read.
    """
    location = parse(url)
    try:
        async with link_to(location, hearing=DEAF) as link:
            opened = Finding("ok", "connection", str(location))
            return [opened, *await examine(link, location)]
    except InvalidStore as exc:
        return [Finding("fail", "connection", exc.reason, "Put that right, and look again.")]
    except StoreUnavailable as exc:
        return [Finding("fail", "connection", exc.reason, "See that the server is up.")]


async def examine(link: Link, location: Location) -> list[Finding]:
    """Look at every primary that `link` leads to, once each, and at the Sentinels.

    Raises:
        StoreUnavailable: one of them does not answer.
    """
    findings: list[Finding] = []
    in_cluster = location.topology == "cluster"
    for bucket in await _primaries(link, in_cluster=in_cluster):
        server = await _ask_server(link, bucket)
        where = f"{server.info.get('tcp_port', '')}: " if in_cluster else ""
        looks = [
            _version(server),
            *_durability(server),
            _replicas(server),
            _memory(server),
            await _clock(link, bucket),
            await _latency(link, bucket),
            await _permissions(link, bucket, in_cluster=in_cluster),
        ]
        findings += [look._replace(subject=where + look.subject) for look in looks]
    if in_cluster:
        findings.append(await _cluster(link))
    if location.topology == "sentinel":
        findings.append(await _sentinels(location))
    return findings


async def _ask(link: Link, bucket: int, *words: bytes) -> Reply:
    """Ask one question; an error is an answer (`Refused`) here."""
    command = Command(encode(*words))
    try:
        return await link.send(bucket, command)
    except Refused as refused:
        failure = refused
    try:
        return await link.recover(bucket, command, failure)
    except Refused as refused:
        return refused


async def _primaries(link: Link, *, in_cluster: bool) -> list[int]:
    """Give one bucket of each primary."""
    if not in_cluster:
        return [0]
    asked = (_ask(link, bucket, b"CLUSTER", b"MYID") for bucket in range(link.buckets))
    nodes = await asyncio.gather(*asked)
    return sorted({str(node): bucket for bucket, node in enumerate(nodes)}.values())


async def _ask_server(link: Link, bucket: int) -> Server:
    info = await _ask(link, bucket, b"INFO")
    settings = await _ask(link, bucket, b"CONFIG", b"GET", *SETTINGS)
    return Server(
        {} if isinstance(info, Refused) else _parsed(info),
        None if isinstance(settings, Refused) else _decoded(settings),
    )


def _parsed(info: bytes) -> dict[str, str]:
    lines = (line.partition(":") for line in info.decode(errors="replace").splitlines())
    return {name: value for name, colon, value in lines if colon}


def _decoded(settings: Mapping[bytes, bytes]) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in settings.items()}


def _version(server: Server) -> Finding:
    info = server.info
    name = "Valkey" if "valkey_version" in info else "Redis"
    version = info.get("valkey_version") or info.get("redis_version")
    if version is None:
        return Finding("warn", "version", "not told", "Allow the command INFO.")
    return Finding("ok", "version", f"{name} {version}")


def _durability(server: Server) -> list[Finding]:
    return [_eviction(server), _persistence(server)]


def _eviction(server: Server) -> Finding:
    policy = server.info.get("maxmemory_policy") or (server.settings or {}).get("maxmemory-policy")
    if policy is None:
        return Finding("warn", "eviction", "not told", "See that maxmemory-policy is noeviction.")
    if policy == "noeviction":
        return Finding("ok", "eviction", "noeviction: a full server refuses writes, and keeps all")
    advice = "CONFIG SET maxmemory-policy noeviction, in redis.conf too."
    says = f"{policy}: a full server throws sessions and leases away"
    return Finding("fail", "eviction", says, advice)


def _persistence(server: Server) -> Finding:
    if server.info.get("aof_enabled") is None:
        return Finding("warn", "persistence", "not told", "Allow the command INFO.")
    if server.info["aof_enabled"] != "1":
        says = "no append-only file: a restart loses what came after the last snapshot, or all"
        return Finding("warn", "persistence", says, "CONFIG SET appendonly yes, in redis.conf too.")
    if server.info.get("aof_last_write_status", "ok") != "ok":
        return Finding("fail", "persistence", "the append-only file cannot be written", "See disk.")
    sync = (server.settings or {}).get("appendfsync")
    match sync:
        case "always":
            return Finding("ok", "persistence", "every write is on disk before it is acknowledged")
        case "everysec":
            return Finding("ok", "persistence", "append-only file: a power cut costs 1-2 s")
        case _:
            says = f"append-only file, appendfsync {sync or 'not told'}"
            return Finding(
                "warn", "persistence", says, "CONFIG SET appendfsync everysec or always."
            )


def _replicas(server: Server) -> Finding:
    role = server.info.get("role")
    if role not in (None, "master"):
        return Finding("fail", "replicas", f"this is a {role}", "Name the primary in the URL.")
    replicas = int(server.info.get("connected_slaves", 0))
    needed = (server.settings or {}).get("min-replicas-to-write")
    if not replicas:
        return Finding("ok", "replicas", "none: when this server is down, so is the store")
    if needed == "0":
        says = f"{replicas}: a primary that is cut off goes on acknowledging what will be lost"
        advice = "CONFIG SET min-replicas-to-write 1 min-replicas-max-lag 1."
        return Finding("warn", "replicas", says, advice)
    return Finding("ok", "replicas", f"{replicas}, min-replicas-to-write {needed or 'not told'}")


def _memory(server: Server) -> Finding:
    value = (server.settings or {}).get("hash-max-listpack-value")
    if value is None:
        return Finding("ok", "memory", "the limits of packed hashes are not told")
    if int(value) >= LISTPACK_VALUE:
        return Finding("ok", "memory", f"sealed values up to {value} bytes are packed tightly")
    says = f"sealed values over {value} bytes are not packed tightly"
    advice = f"CONFIG SET hash-max-listpack-value {LISTPACK_VALUE}: sessions take less memory."
    return Finding("warn", "memory", says, advice)


async def _clock(link: Link, bucket: int) -> Finding:
    before = time()
    told = await _ask(link, bucket, b"TIME")
    after = time()
    if isinstance(told, Refused):
        return Finding("fail", "clock", f"TIME: {told.code}", "Allow the command TIME.")
    shown = int(told[0]) + int(told[1]) / 1_000_000
    apart = max(shown - after, before - shown, 0.0)
    if apart < APART:
        return Finding("ok", "clock", f"within {max(apart, after - before) * 1000:.1f} ms of here")
    advice = "Synchronise both clocks; leases and deadlines go by the server's."
    return Finding("warn", "clock", f"{apart:.1f} s apart from this host's", advice)


async def _latency(link: Link, bucket: int) -> Finding:
    took: list[float] = []
    for _ in range(PINGS):
        began = perf_counter()
        await _ask(link, bucket, b"PING")
        took.append(perf_counter() - began)
    middle = median(took)
    says = (
        f"{middle * 1000:.2f} ms a round trip (median of {PINGS}; longest {max(took) * 1000:.2f})"
    )
    if middle < SLOW:
        return Finding("ok", "latency", says)
    return Finding("warn", "latency", says, "Run the workers nearer to the server.")


async def _permissions(link: Link, bucket: int, *, in_cluster: bool) -> Finding:
    user = await _ask(link, bucket, b"ACL", b"WHOAMI")
    if isinstance(user, Refused):
        return await _tried(link)
    needed = {**CONNECTION, **DATA, **(CLUSTER if in_cluster else {})}
    commands = [trial(user, name, words, bucket=bucket) for name, words in needed.items()]
    answers = await asyncio.gather(
        *(link.send(bucket, command) for command in commands), return_exceptions=True
    )
    if any(isinstance(answer, StoreUnavailable) for answer in answers):
        raise StoreUnavailable("The connection was lost during the examination")
    if all(isinstance(answer, Refused) for answer in answers):
        return await _tried(link)
    denied = [name for name, answer in zip(needed, answers, strict=True) if answer != b"OK"]
    if not denied:
        says = f"user {user.decode()!r} may do all that a store needs"
        return Finding("ok", "permissions", says)
    says = f"user {user.decode()!r} may not: {', '.join(denied)}"
    return Finding("fail", "permissions", says, ADVICE)


async def _tried(link: Link) -> Finding:
    """Do what a store does, where nobody tells what is allowed; what is made is removed."""
    key, token, caller = f"~probe/{secrets.token_hex(16)}", secrets.token_hex(16), Caller(link)
    users, leasing = Users(caller), Leasing(caller, process=token.encode())
    living = Living(caller, users)
    try:
        await living.create(Create(key, token, MINUTE, MINUTE, b"", {"n": 1}, {b"v": b"value"}))
        await leasing.acquire(Acquire(key, token, MINUTE))
        change = Apply(key, token, append=(b"item",), add=(Add("n", 1, 2),), lease_token=token)
        await Changing(caller, users).apply(change)
        await Reading(caller).read(Read(key, tracked=True))
        await leasing.release(Release(key, token))
        await living.delete(Delete(key))
    except Refused as refused:
        reason = str(refused).partition(" script:")[0]
        says = f"a session could not be made, lent, changed and ended: {reason}"
        return Finding("fail", "permissions", says, ADVICE)
    return Finding("ok", "permissions", "a session could be made, lent, changed and ended")


async def _cluster(link: Link) -> Finding:
    told = await _ask(link, 0, b"CLUSTER", b"INFO")
    if isinstance(told, Refused):
        return Finding("warn", "cluster", "not told", "Allow the command CLUSTER INFO.")
    facts = _parsed(told)
    says = f"{facts.get('cluster_size')} primaries, {facts.get('cluster_known_nodes')} nodes"
    if facts.get("cluster_state") == "ok":
        return Finding("ok", "cluster", says)
    return Finding("fail", "cluster", f"{says}, state {facts.get('cluster_state')}", "Mend slots.")


async def _sentinels(location: Location) -> Finding:
    """See that a majority of the Sentinels is there, and could name another primary."""
    asked = [_ask_sentinel(address, location) for address in location.addresses]
    problems = [problem for problem in await asyncio.gather(*asked) if problem]
    says = f"{len(asked) - len(problems)} of {len(asked)} answer and see a majority"
    if not problems:
        return Finding("ok", "sentinels", says)
    if all(problem == NOT_TOLD for problem in problems):
        says = f"{len(asked)} answer; whether they see a majority is not told"
        return Finding("warn", "sentinels", says, "Allow the command SENTINEL CKQUORUM.")
    level: Level = "warn" if 2 * len(problems) < len(asked) else "fail"
    return Finding(level, "sentinels", f"{says}; {problems[0]}", "Start those that are away.")


async def _ask_sentinel(address: Address, location: Location) -> str:
    """Ask a Sentinel whether it could bring about a failover; say why not."""
    node = Node(address, location.sentinel_settings)
    question = Command(encode(b"SENTINEL", b"CKQUORUM", location.primary.encode()))
    try:
        await node.open()
        await node.send(question)
    except (InvalidStore, StoreUnavailable) as exc:
        return f"{address}: {exc.reason}"
    except Refused as refused:
        return NOT_TOLD if refused.code == "NOPERM" else f"{address}: {refused}"
    finally:
        await node.close()
    return ""
