"""The id of the request that is being answered, known to everything that runs for it."""

import re
import secrets
from contextvars import ContextVar
from typing import Final

CURRENT: Final[ContextVar[str | None]] = ContextVar("holdfast_request_id", default=None)
_ACCEPTED: Final = re.compile(rb"[A-Za-z0-9._:-]{1,128}")


def chosen_request_id(given: bytes | None) -> str:
    """Take the caller's id when it is a harmless name, otherwise make one."""
    if given is not None and _ACCEPTED.fullmatch(given):
        return given.decode("ascii")
    return secrets.token_hex(16)
