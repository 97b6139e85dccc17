"""`holdfast sessions reseal`: seal anew what stands under older keys, while services go on."""

import asyncio
import time
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from holdfast.cli.commands import answered_for, complain
from holdfast.errors import InvalidSession
from holdfast.key_file import FollowedKeyring
from holdfast.keyring import Keyring, read_key_file
from holdfast.opening import open_store
from holdfast.resealing import SealedSpace

# New values under an older key come as long as processes take to know the newer one.
MOST_PASSES: Final = 10


def add_to(parser: ArgumentParser) -> None:
    """Declare the command."""
    parser.add_argument("--store", metavar="URL", help="the store (that of the settings)")
    parser.add_argument("--keys-file", type=Path, metavar="F", help="the keys (of the settings)")
    add_namespaces(parser)
    parser.set_defaults(run=answered_for(_reseal))


def add_namespaces(parser: ArgumentParser) -> None:
    """Declare which namespaces are gone through; a store does not tell which it has."""
    meaning = "a namespace to go through (that of the settings; may be repeated)"
    parser.add_argument("--namespace", action="append", default=[], metavar="N", help=meaning)


async def _reseal(options: Namespace) -> int:
    opening = opened_spaces(options.store, options.keys_file, namespaces=options.namespace)
    async with opening as (spaces, keys):
        await _settled(keys)
        left: Counter[str] = Counter()
        unreadable = 0
        for _ in range(MOST_PASSES):
            exchanged, unreadable = await _go_through(spaces)
            left = await left_in(spaces)
            print(f"{exchanged} values sealed anew under key {keys.primary.key_id}")
            for key_id in sorted({key.key_id for key in keys} - {keys.primary.key_id} | set(left)):
                print(f"left under key {key_id}: {left[key_id]}", flush=True)
            if not left or not exchanged:
                break
        if unreadable:
            complain(f"{unreadable} sessions do not open with the keys at hand, and were left")
        return 1 if left else 0


async def left_in(spaces: list[SealedSpace]) -> Counter[str]:
    """Count what stands under other keys than the sealing one, in all namespaces."""
    left: Counter[str] = Counter()
    for space in spaces:
        left.update(await space.left())
    return left


@asynccontextmanager
async def opened_spaces(
    url: str | None, keys_file: Path | None, *, namespaces: Sequence[str]
) -> AsyncGenerator[tuple[list[SealedSpace], Keyring]]:
    """Open every namespace that services seal in, those named or the one of the settings.

    Raises:
        InvalidSession: the store is in the memory of another process.
    """
    from holdfast.server.keys import load_keys, sealed_namespaces
    from holdfast.server.settings import Settings

    named = namespaces or (None,)
    chosen = [Settings.load(store=url, keys_file=keys_file, namespace=name) for name in named]
    settings = chosen[0]
    if settings.in_memory:
        raise InvalidSession("store", "is in the memory of its process: restart it with new keys")
    keys = load_keys(settings) if keys_file is None else FollowedKeyring(keys_file)
    async with open_store(settings.store_url, keys=keys) as store:
        names = dict.fromkeys(name for one in chosen for name in sealed_namespaces(one.namespace))
        yield [SealedSpace(store.backend, namespace=name, keys=keys) for name in names], keys


async def _settled(keys: Keyring) -> None:
    """Wait until the newest key of a file seals."""
    if isinstance(keys, FollowedKeyring):
        newest = read_key_file(keys.path)[0]
        while (wait := newest.seals_from - time.time()) > 0:
            print(f"Key {newest.key_id} seals in {wait:.0f} s", flush=True)
            await asyncio.sleep(wait)
        keys.look()


async def _go_through(spaces: list[SealedSpace]) -> tuple[int, int]:
    exchanged = unreadable = 0
    for space in spaces:
        done = await space.reseal()
        exchanged += done.exchanged
        unreadable += done.unreadable
    return exchanged, unreadable
