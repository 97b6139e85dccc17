"""Several works at once, of which none outlives the others."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any, TypeVar, overload

S = TypeVar("S")
T = TypeVar("T")


@overload
async def together(first: Awaitable[S], second: Awaitable[T], /) -> tuple[S, T]: ...
@overload
async def together(*works: Awaitable[T]) -> Sequence[T]: ...
async def together(*works: Awaitable[Any]) -> Sequence[Any]:
    """Wait for all; when one fails, end the others before that is told."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
