"""Whether the process lives, whether its parts work, and what it is doing."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Final

from fastapi import APIRouter, Depends, Request, Response

import holdfast
from holdfast.errors import StoreUnavailable
from holdfast.server.access import require_access
from holdfast.server.database import DatabaseUnavailable
from holdfast.server.measures import Measures
from holdfast.server.problems import not_found
from holdfast.server.replies import written
from holdfast.server.service import Service
from holdfast.server.visitors import Parts
from holdfast.support.knowledge import KnowledgeUnavailable

router = APIRouter(tags=["Health"])

# Asking again within this time gives the same answer: a probe writes to the store.
FRESH_SECONDS: Final = 1.0


class Readiness:
    """Tries the parts of a service, together for all who ask at about the same time."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._lock = asyncio.Lock()
        self._states: Mapping[str, Any] = {}
        self._tried = -FRESH_SECONDS
        self.began = time.monotonic()

    async def states(self) -> Mapping[str, Any]:
        """Say for each part whether it works."""
        async with self._lock:
            if time.monotonic() - self._tried >= FRESH_SECONDS:
                self._states = {
                    "store": await self._store(),
                    "database": await self._database(),
                    "knowledge": self._knowledge(),
                }
                self._tried = time.monotonic()
        return self._states

    async def _store(self) -> dict[str, Any]:
        store, settings = self._service.store, self._service.settings
        try:
            async with asyncio.timeout(settings.deadline_seconds):
                health = await store.health_check()
        except TimeoutError:
            return {"status": "out", "type": store.backend.name, "error": "no answer in time"}
        state = {"status": "ok" if health.healthy else "out", "type": store.backend.name}
        checks = {**health.checks, "ms": round(health.seconds * 1000, 2)}
        hidden = settings.production or health.error is None
        return {**state, **checks} if hidden else {**state, **checks, "error": health.error}

    async def _database(self) -> dict[str, Any]:
        try:
            await self._service.database.check()
        except DatabaseUnavailable:
            return {"status": "out"}
        return {"status": "ok"}

    def _knowledge(self) -> dict[str, Any]:
        try:
            return {"status": "ok", "documents": len(self._service.knowledge.documents())}
        except KnowledgeUnavailable:
            return {"status": "out"}


def works(states: Mapping[str, Any]) -> bool:
    """Say whether every part works."""
    return all(state["status"] == "ok" for state in states.values())


@router.get("/health/live")
async def live() -> dict[str, str]:
    """Answer, which is all that this asks."""
    return {"status": "ok"}


@router.get("/health/ready")
async def ready(request: Request) -> Response:
    """Say whether requests can be served: 503 while a part is out."""
    states = await request.app.state.readiness.states()
    status = "ok" if works(states) else "out"
    return written({"status": status, "parts": states}, status=200 if status == "ok" else 503)


@router.get("/health")
async def health(request: Request) -> dict[str, Any]:
    """Sum up: version, uptime, parts."""
    readiness = request.app.state.readiness
    states = await readiness.states()
    return {
        "status": "ok" if works(states) else "out",
        "name": "holdfast",
        "version": holdfast.__version__,
        "uptime_seconds": round(time.monotonic() - readiness.began, 1),
        "instance_id": request.app.state.instance_id,
        "parts": states,
    }


async def _allow_scraping(request: Request, parts: Parts) -> None:
    if not parts.settings.metrics:
        raise not_found()
    if parts.settings.production:
        await require_access(request)


@router.get("/metrics", dependencies=[Depends(_allow_scraping)])
async def metrics(request: Request, parts: Parts) -> Response:
    """Give figures in Prometheus' text format; in production to holders of an API key."""
    measures: Measures = request.app.state.measures
    backend = parts.store.backend
    try:
        active = await parts.store.count_active()
    except StoreUnavailable:
        active = None
    measures.note(
        backend.name,
        active=active,
        statistics={
            **backend.statistics(),
            "sockets": len(request.app.state.places),
            "runs": len(request.app.state.talk.runs),
        },
        near_cache=parts.store.near_cache,
    )
    return Response(measures.render(), media_type="text/plain; version=0.0.4; charset=utf-8")
