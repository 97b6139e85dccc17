"""How a batch is answered when the data of one operation spoils it."""

import logging
import sqlite3
from collections.abc import Callable, Sequence
from typing import Final

from holdfast.backend import Operation, Outcome
from holdfast.coalescer import Answer
from holdfast.errors import DecryptionFailed, StoreUnavailable

logger = logging.getLogger(__name__)

# What one operation can bring about: a value that SQLite does not take, a row that is unreadable.
SPOILING: Final = (sqlite3.Error, OverflowError, TypeError, ValueError)

Transact = Callable[[Sequence[Operation]], list[Answer]]


def answer_batch(transact: Transact, operations: Sequence[Operation]) -> list[Answer]:
    """Answer a batch in one transaction; where one operation spoils it, each in its own.

    Raises:
        StoreUnavailable: none of it was applied, or (outcome="unknown") nobody can tell.
    """
    try:
        return list(transact(operations))
    except SPOILING as exc:
        logger.warning("sqlite.batch_repeated", extra={"error": type(exc).__name__})
        return [_answer_alone(transact, operation) for operation in operations]


def answer(run: Callable[[Operation], Outcome], operation: Operation) -> Answer:
    """Answer one operation of a batch; a damaged row is found before anything is changed."""
    try:
        return run(operation)
    except DecryptionFailed as exc:
        return exc


def _answer_alone(transact: Transact, operation: Operation) -> Answer:
    try:
        return transact([operation])[0]
    except (StoreUnavailable, *SPOILING) as exc:
        return exc
