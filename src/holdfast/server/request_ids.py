"""The id of the request that is being answered, known to everything that runs for it."""

import re
from contextvars import ContextVar
from itertools import count
from typing import Final

CURRENT: Final[ContextVar[str | None]] = ContextVar("holdfast_request_id", default=None)
_ACCEPTED: Final = re.compile(rb"[A-Za-z0-9._:-]{1,128}")


class RequestIds:
    """Names requests: as their callers do, where that is a harmless name, otherwise in order.

    `instance_id` names this process and nothing else, so its numbers are used once.
    """

    def __init__(self, instance_id: str) -> None:
        self._instance_id = instance_id
        self._numbers = count(1)

    def choose(self, given: bytes | None) -> str:
        """Take the caller's id, or make one."""
        if given is not None and _ACCEPTED.fullmatch(given):
            return given.decode("ascii")
        return f"{self._instance_id}-{next(self._numbers)}"
