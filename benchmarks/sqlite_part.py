"""SQLite with `synchronous=FULL`, sealed, 64 callers, against the bare drivers on the same disk."""

from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.comparison import Comparison, Target
from benchmarks.measuring import CALLERS, Rates, Scale, Turn, for_a_while, interleave
from benchmarks.reading import MIX, reads, rereads
from benchmarks.sqlite_floors import autocommit, group_commit, shared_commit
from benchmarks.visit import Visit, change, fill, names, shuffled
from holdfast import Keyring, SessionStore, SQLiteSessionStore

PART = "sqlite"
# Where the disk makes a single commit this slow, going together has to gain more.
SLOW_COMMITS = 2000


async def compare(scale: Scale) -> list[Comparison]:
    """Run this part in a folder of its own."""
    with TemporaryDirectory(prefix="holdfast-bench-") as folder:
        rates = await _measure(Path(folder), scale)
    return [*_writes(rates, scale), *_reads(rates)]


async def _measure(folder: Path, scale: Scale) -> Rates:
    many = shuffled(names(scale.sessions))
    few = many[:CALLERS]
    async with AsyncExitStack() as stack:
        path = folder / "sessions.db"
        store = await stack.enter_async_context(
            SQLiteSessionStore(path, keys=Keyring.generate(), model=Visit)
        )
        await fill(store, many)
        alone = await stack.enter_async_context(autocommit(folder / "alone.db", many, scale))
        few_raw = stack.enter_context(group_commit(folder / "few.db", few, scale))
        many_raw = stack.enter_context(group_commit(folder / "many.db", many, scale))
        shared = stack.enter_context(shared_commit(folder / "shared.db", few, scale))
        turns: dict[str, Turn] = {
            "group commit": few_raw,
            "shared commit": shared,
            "apply": _changes(store, few, scale),
            "group commit, many": many_raw,
            "apply, many": _changes(store, many, scale),
            "autocommit": alone.update,
            "select": alone.select,
            "select_all": alone.select_all,
            "get, mixed": reads(store, many, scale, every=MIX),
            "get, unchanged": rereads(store, many, scale),
            "get, changed": reads(store, many, scale, every=1),
        }
        return await interleave(turns, rounds=scale.rounds)


def _changes(store: SessionStore[Visit], ids: list[str], scale: Scale) -> Turn:
    return lambda: for_a_while(
        lambda number: store.apply(ids[number % len(ids)], change(number)), seconds=scale.seconds
    )


def _writes(rates: Rates, scale: Scale) -> list[Comparison]:
    slow = median(rates["autocommit"]) < SLOW_COMMITS
    alone = "autocommit, aiosqlite"
    gain = Target(15 if slow else 3)
    few, many = f"apply, {CALLERS} sessions", f"apply, {scale.sessions:,} sessions"
    floor, floors = rates["group commit"], rates["group commit, many"]
    return [
        Comparison(PART, few, "raw group commit", rates["apply"], floor, Target(0.3)),
        Comparison(PART, many, "raw group commit", rates["apply, many"], floors, Target(0.3)),
        Comparison(PART, few, "the same for 64 callers", rates["apply"], rates["shared commit"]),
        Comparison(PART, few, alone, rates["apply"], rates["autocommit"], gain),
        Comparison(PART, many, alone, rates["apply, many"], rates["autocommit"], gain),
    ]


def _reads(rates: Rates) -> list[Comparison]:
    mixed, unchanged, changed = (f"get, {kind}" for kind in ("mixed", "unchanged", "changed"))
    peer, rows = "select, aiosqlite", rates["select"]
    return [
        Comparison(PART, "get, 1 in 4 changed", peer, rates[mixed], rows, Target(1)),
        Comparison(PART, unchanged, peer, rates[unchanged], rows),
        Comparison(PART, "get, all changed", peer, rates[changed], rows),
        Comparison(
            PART, "get, 1 in 4 changed", "execute_fetchall", rates[mixed], rates["select_all"]
        ),
    ]
