"""What a write depends on: the revision that its caller knows, and whether it came before."""

import hashlib
import re
from typing import Annotated, Final, NamedTuple

from fastapi import Depends, Header

from holdfast.fastapi import STALE, Problem
from holdfast.server.problems import invalid

_TAG: Final = re.compile(r'"([A-Za-z0-9_-]+)\.([0-9]{1,16})"')


class Expected(NamedTuple):
    """The incarnation and the revision that `If-Match` names; None when any will do."""

    incarnation: str | None = None
    revision: int | None = None

    def agreed(self, revision: int | None) -> int | None:
        """Join it with the revision that the body names.

        Raises:
            Problem: they differ.
        """
        if None not in (revision, self.revision) and revision != self.revision:
            raise invalid("expect_revision", "must be the revision that If-Match names")
        return self.revision if revision is None else revision


async def expected(
    if_match: Annotated[str | None, Header(description="the ETag of the session")] = None,
) -> Expected:
    """Read `If-Match`: one entity tag of ours, or `*`."""
    if if_match is None or if_match.strip() == "*":
        return Expected()
    if "," in if_match:
        raise invalid("If-Match", "must be one entity tag, or *")
    match = _TAG.fullmatch(if_match.strip())
    if match is None:
        detail = "If-Match names no revision of this session. Read the session for its ETag."
        raise Problem(STALE.status, STALE.code, STALE.title, detail)
    return Expected(match[1], int(match[2]))


async def idempotency_key(
    idempotency_key: Annotated[
        str | None,
        Header(min_length=1, max_length=255, description="the same key is applied once"),
    ] = None,
) -> str | None:
    """Read the caller's key, as a digest that stays apart from ids made elsewhere."""
    if idempotency_key is None:
        return None
    return "http:" + hashlib.sha256(idempotency_key.encode()).hexdigest()[:40]


IfMatch = Annotated[Expected, Depends(expected)]
IdempotencyKey = Annotated[str | None, Depends(idempotency_key)]
