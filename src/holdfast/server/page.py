"""The chat page for browsers, and at the same address a root document for programs."""

import gzip
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Final, NamedTuple

from fastapi import APIRouter, Request, Response

import holdfast
from holdfast.server.access import Keys
from holdfast.server.health import works
from holdfast.server.problems import not_found
from holdfast.server.replies import written
from holdfast.server.service import StartRefused
from holdfast.server.visitors import Parts

router = APIRouter(include_in_schema=False)

CONTENT_TYPES: Final = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "woff2": "font/woff2",
}
FOR_EVER: Final = "public, max-age=31536000, immutable"


class Asset(NamedTuple):
    """One file of the page as it is, and packed with gzip."""

    plain: bytes
    packed: bytes

    @classmethod
    def of(cls, content: bytes) -> "Asset":
        """Pack a file once and for all."""
        return cls(content, gzip.compress(content, mtime=0))


class Page(NamedTuple):
    """The built files, read once: the page itself, and its assets by name."""

    document: bytes
    assets: Mapping[str, Asset]

    @classmethod
    def read(cls) -> "Page":
        """Read the files that ship with the package.

        Raises:
            StartRefused: they are not there.
        """
        folder = files("holdfast.server") / "static"
        try:
            names = (folder / "assets").iterdir()
            assets = {file.name: Asset.of(file.read_bytes()) for file in names}
            return cls((folder / "index.html").read_bytes(), assets)
        except OSError as exc:
            raise StartRefused(f"The chat page is not built: {exc}") from exc


@router.api_route("/", methods=["GET", "HEAD"])
async def root(request: Request, parts: Parts, keys: Keys) -> Response:
    """Show the page, or to programs (`Accept: application/json`) what runs here."""
    vary = {"Vary": "Accept"}
    if not _wants_json(request.headers.get("accept", "")):
        page: Page = request.app.state.page
        return Response(page.document, headers=vary, media_type=CONTENT_TYPES["html"])
    content = await _root_document(request, parts, revealing=keys.trusts(request))
    response = written(content)
    response.headers.update(vary)
    return response


@router.api_route("/static/assets/{name}", methods=["GET", "HEAD"])
async def asset(name: str, request: Request) -> Response:
    """Give one file of the page; its name changes with its content."""
    page: Page = request.app.state.page
    found = page.assets.get(name)
    if found is None:
        raise not_found()
    media_type = CONTENT_TYPES.get(name.rpartition(".")[2], "application/octet-stream")
    headers = {"Cache-Control": FOR_EVER, "Vary": "Accept-Encoding"}
    if not _takes_gzip(request.headers.get("accept-encoding", "")):
        return Response(found.plain, headers=headers, media_type=media_type)
    headers["Content-Encoding"] = "gzip"
    return Response(found.packed, headers=headers, media_type=media_type)


def _takes_gzip(accepted: str) -> bool:
    """Say whether a client unpacks gzip: not if it weighs it 0 (RFC 9110, section 12.5.3)."""
    for coding in accepted.lower().split(","):
        name, _, weight = coding.partition(";")
        if name.strip() == "gzip":
            return weight.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False


def _wants_json(accept: str) -> bool:
    return "application/json" in accept and "text/html" not in accept


async def _root_document(request: Request, parts: Parts, *, revealing: bool) -> dict[str, Any]:
    settings = parts.settings
    states = await request.app.state.readiness.states()
    content = {
        "name": "holdfast",
        "version": holdfast.__version__,
        "store": parts.store.backend.name,
        "health": {"status": "ok" if works(states) else "out", "parts": states},
        "features": {
            "chat": True,
            "metrics": settings.metrics,
            "rate_limit": settings.rate_limit,
            "fingerprinting": settings.fingerprinting.visitor != "off",
            "escalation": settings.escalation,
            "ai_provider": settings.ai_provider,
        },
    }
    if revealing or not settings.production:
        content["stats"] = (await parts.store.get_stats())._asdict()
    return content
