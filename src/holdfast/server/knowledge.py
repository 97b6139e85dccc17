"""What the support agent knows, for people: search it, list it, read it.

Everybody sees what is for everybody. What a document's audience names beside that is seen by users
of that role or one above it, and by the user whom `user:<id>` names; for all others there is no
such document, in no list and in no count.
"""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from pydantic import Field

from holdfast.fastapi import Problem
from holdfast.server.auth.principal import ROLES, Principal, identified
from holdfast.server.json_route import JsonRoute
from holdfast.server.requests import Body
from holdfast.server.visitors import Parts
from holdfast.support.knowledge import Document, Passage
from holdfast.support.knowledge.knowledge import PUBLIC

LONGEST_QUERY: Final = 2000

router = APIRouter(
    prefix="/v1/knowledge",
    tags=["Knowledge"],
    route_class=JsonRoute,
)


class Search(Body):
    """What to look for."""

    query: Annotated[str, Field(min_length=1, max_length=LONGEST_QUERY)]
    limit: Annotated[int, Field(ge=1, le=20)] = 5


def audiences_of(caller: Principal | None) -> frozenset[str]:
    """Name the audiences that a caller belongs to."""
    if caller is None:
        return frozenset(PUBLIC)
    # A service has no role; one that may write documents may read them.
    writes = caller.kind != "user" and caller.has_scope("knowledge:write")
    roles = {role for role in ROLES if writes or caller.has_role(role)}
    own = {f"user:{caller.user_id}"} if caller.user_id else set[str]()
    return frozenset({*PUBLIC, *roles, *own})


async def _audiences(request: Request) -> frozenset[str]:
    return audiences_of(await identified(request))


Audiences = Annotated[frozenset[str], Depends(_audiences)]


@router.post("/search")
async def search(body: Search, parts: Parts, audiences: Audiences) -> dict[str, Any]:
    """Find passages for a question, and say how far they can be trusted to answer it."""
    found = parts.knowledge.search(body.query, limit=body.limit, audiences=audiences)
    evidence = found.evidence
    return {
        "passages": [_shown(passage) for passage in found.passages],
        "confidence": round(evidence.confidence, 4),
        "sufficient": evidence.sufficient,
    }


@router.get("/documents")
async def documents(parts: Parts, audiences: Audiences) -> dict[str, Any]:
    """List the documents that the caller may see."""
    found = parts.knowledge.documents(audiences=audiences)
    return {"documents": [_listed(document) for document in found]}


@router.get("/documents/{document_id:path}")
async def show(document_id: str, parts: Parts, audiences: Audiences) -> dict[str, Any]:
    """Show one document; one for others is answered like one that is not there."""
    document = parts.knowledge.document(document_id, audiences=audiences)
    if document is None:
        detail = "There is no such document."
        raise Problem(404, "DOCUMENT_NOT_FOUND", "Document not found", detail)
    passages = parts.knowledge.passages(document_id, audiences=audiences)
    return {**_listed(document), "text": [_shown(passage) for passage in passages]}


def _listed(document: Document) -> dict[str, Any]:
    """Give what is shown of a document: not where its file is."""
    return {
        "document_id": document.id,
        "title": document.title,
        "version": document.version,
        "audience": document.audience,
        "language": document.language,
        "passages": document.passages,
    }


def _shown(passage: Passage) -> dict[str, Any]:
    return {
        "document_id": passage.document_id,
        "title": passage.title,
        "heading_path": passage.heading_path,
        "text": passage.text,
        "uri": passage.uri,
        "score": round(passage.score, 4),
        "rank": passage.rank,
    }
