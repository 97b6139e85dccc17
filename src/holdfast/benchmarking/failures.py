"""What went wrong for one contender, while the others go on."""

import logging
from collections.abc import Generator, MutableMapping
from contextlib import contextmanager
from typing import TypeVar, cast

logger = logging.getLogger(__name__)

K = TypeVar("K")


@contextmanager
def noting(failures: MutableMapping[K, str], key: K) -> Generator[None]:
    """Write down what the block raises: a run outlives any of those that it measures."""
    try:
        yield
    except Exception as exc:
        logger.exception("bench.failed", extra={"contender": str(key)})
        failures[key] = _describe(exc)


def _describe(error: BaseException) -> str:
    """Name the first error of a group, in one line."""
    if isinstance(error, BaseExceptionGroup):
        return _describe(cast("BaseExceptionGroup[BaseException]", error).exceptions[0])
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0][:120]}".rstrip(": ")
