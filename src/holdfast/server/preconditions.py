"""What a write depends on: the revision that its caller knows, and whether it came before."""

import hashlib
import re
from typing import Annotated, Any, Final, NamedTuple

from fastapi import Depends, Request

from holdfast.errors import RevisionConflict, SessionNotFound
from holdfast.fastapi import STALE, Problem
from holdfast.server.model import ServiceSession
from holdfast.server.problems import invalid
from holdfast.store import SessionStore

LONGEST_KEY: Final = 255
_TAG: Final = re.compile(r'"([A-Za-z0-9_-]+)\.([0-9]{1,16})"')


class Conditions(NamedTuple):
    """What `If-Match` and `Idempotency-Key` say.

    `incarnation` and `revision` are None when any will do. `key` stays apart from ids made
    elsewhere, whatever the caller chose.
    """

    incarnation: str | None = None
    revision: int | None = None
    key: str | None = None

    async def check(self, store: SessionStore[ServiceSession], session_id: str) -> None:
        """See, before an action that cannot depend on it, that the session is what it was.

        Raises:
            RevisionConflict: it has moved on.
            SessionNotFound: there is no such session.
        """
        if self.incarnation is None:
            return
        session = await store.get(session_id)
        if session is None:
            raise SessionNotFound(session_id)
        if self[:2] != (session.incarnation, session.revision):
            expected, found = self.revision or 0, session.revision
            raise RevisionConflict(session_id, expected=expected, found=found)

    def agreed(self, revision: int | None) -> int | None:
        """Join the revision with the one that the body names.

        Raises:
            Problem: they differ.
        """
        if None not in (revision, self.revision) and revision != self.revision:
            raise invalid("expect_revision", "must be the revision that If-Match names")
        return self.revision if revision is None else revision


async def read_conditions(request: Request) -> Conditions:
    """Read the headers. They are taken by hand: declared ones cost more than the change itself.

    Raises:
        Problem: one of them breaks a rule, or names no revision of ours.
    """
    headers = request.headers
    incarnation, revision = _read_tag(headers.get("if-match"))
    return Conditions(incarnation, revision, _read_key(headers.get("idempotency-key")))


async def read_key(request: Request) -> str | None:
    """Read `Idempotency-Key` alone, where no revision matters.

    Raises:
        Problem: it breaks a rule.
    """
    return _read_key(request.headers.get("idempotency-key"))


def _read_tag(tag: str | None) -> tuple[str, int] | tuple[None, None]:
    if tag is None or tag.strip() == "*":
        return None, None
    if "," in tag:
        raise invalid("If-Match", "must be one entity tag, or *")
    match = _TAG.fullmatch(tag.strip())
    if match is None:
        detail = "If-Match names no revision of this session. Read the session for its ETag."
        raise Problem(STALE.status, STALE.code, STALE.title, detail)
    return match[1], int(match[2])


def _read_key(key: str | None) -> str | None:
    if key is None:
        return None
    if not 1 <= len(key) <= LONGEST_KEY:
        raise invalid("Idempotency-Key", f"must have 1-{LONGEST_KEY} characters")
    return "http:" + hashlib.sha256(key.encode()).hexdigest()[:40]


If = Annotated[Conditions, Depends(read_conditions)]
Key = Annotated[str | None, Depends(read_key)]


def _header(name: str, meaning: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "description": meaning, "schema": {"type": "string"}}


_IF_MATCH: Final = _header("If-Match", "the ETag of the session; 412 when it has moved on")
_KEY: Final = _header("Idempotency-Key", "the same key is applied once, and answered alike")
CONDITIONAL: Final[dict[str, Any]] = {"parameters": [_IF_MATCH]}
REPEATABLE: Final[dict[str, Any]] = {"parameters": [_KEY]}
BOTH: Final[dict[str, Any]] = {"parameters": [_IF_MATCH, _KEY]}
