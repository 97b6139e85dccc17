"""What the service is made of: a store, a knowledge base, an engine, an agent.

Whatever is missing or broken stops the start, with a sentence that names the part.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Generator, Iterable
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    closing,
    contextmanager,
)
from dataclasses import dataclass
from typing import Final, cast

from pydantic import ValidationError

from holdfast.budget import Budgets
from holdfast.errors import HoldfastError, InvalidKeyring
from holdfast.fingerprint import Fingerprints
from holdfast.keyring import Keyring
from holdfast.limits import Rate, RateLimit
from holdfast.observing import Observer
from holdfast.opening import open_store
from holdfast.resealing import UNREADABLE, SealedSpace
from holdfast.server.audit import Trail, open_trail
from holdfast.server.database import Database, open_database
from holdfast.server.key_changes import telling_of_keys
from holdfast.server.keys import load_keys
from holdfast.server.model import ServiceSession
from holdfast.server.paying import open_budgets, purses
from holdfast.server.purging import purging
from holdfast.server.settings import KNOWLEDGE_FILE, Settings
from holdfast.server.users import Hasher, Setup, Users
from holdfast.session import SupportSession
from holdfast.store import SessionStore
from holdfast.support import (
    AgentPolicy,
    ChatEngine,
    EscalationPolicy,
    Purses,
    SupportAgent,
    load_shipped_articles,
)
from holdfast.support.engines import EngineSettings, open_engine
from holdfast.support.knowledge import Knowledge

logger = logging.getLogger(__name__)

# How many stored sessions are opened at the start, to see whether the keys are theirs.
LOOKED_AT: Final = 20


class StartRefused(Exception):
    """A part that the service needs is out; the message names it."""


@dataclass(frozen=True, slots=True)
class Service:
    """The parts, open."""

    settings: Settings
    keys: Keyring
    store: SessionStore[ServiceSession]
    knowledge: Knowledge
    agent: SupportAgent
    budgets: Budgets
    visitors: RateLimit | None
    database: Database
    trail: Trail
    users: Users
    setup: Setup


@asynccontextmanager
async def open_service(
    settings: Settings, *, observers: Iterable[Observer] = ()
) -> AsyncGenerator[Service]:
    """Open every part and try it; close them in the opposite order.

    Raises:
        StartRefused: a part is out.
    """
    async with AsyncExitStack() as parts:
        with _needed("keys"):
            settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            keys = load_keys(settings)
        with _needed("session store"):
            store = await parts.enter_async_context(_store(settings, keys, observers))
            await _try(store, keys, production=settings.production)
        with _needed("knowledge base"):
            knowledge = parts.enter_context(Knowledge(settings.data_dir / KNOWLEDGE_FILE))
            if settings.shipped_articles:
                await asyncio.to_thread(_load_articles, knowledge)
        with _needed("language model"):
            opening: AbstractAsyncContextManager[ChatEngine] = open_engine(
                engine_settings(settings)
            )
            engine = await parts.enter_async_context(opening)
        budgets = open_budgets(settings, store, keys)
        for kept in (store, budgets.accounts):
            await parts.enter_async_context(purging(kept, every=settings.cleanup_seconds))
        with _needed("application database"):
            opened = open_database(settings.application_database)
            database = await parts.enter_async_context(opened)
            trail = await parts.enter_async_context(open_trail(database, store, keys))
        await parts.enter_async_context(telling_of_keys(keys, trail))
        hasher = parts.enter_context(closing(Hasher()))
        known_hasher = parts.enter_context(closing(Hasher(threads=1)))
        users = Users(database, hasher, known_hasher=known_hasher)
        setup = Setup(database, users, hasher)
        paying = purses(budgets, settings, trail)
        agent = _agent(settings, keys, store, knowledge, engine, paying)
        visitors = _visitors(settings, store, keys)
        yield Service(
            settings, keys, store, knowledge, agent, budgets, visitors, database, trail, users,
            setup,
        )  # fmt: skip


def _agent(
    settings: Settings,
    keys: Keyring,
    store: SessionStore[ServiceSession],
    knowledge: Knowledge,
    engine: ChatEngine,
    paying: Purses,
) -> SupportAgent:
    return SupportAgent(
        cast(SessionStore[SupportSession], store),
        knowledge,
        engine,
        policy=_policy(settings),
        fingerprints=_fingerprints(settings, keys),
        purses=paying,
    )


async def check_start(settings: Settings, *, offering: bool = False) -> str | None:
    """Open every part once, and make what is made at the first start.

    When `offering`, the answer is the token with which the first admin is made, if there is none.

    Raises:
        StartRefused: a part is out.
    """
    async with open_service(settings) as service:
        return await service.setup.offer() if offering else None


def engine_settings(settings: Settings) -> EngineSettings:
    """Say which language model answers."""
    return EngineSettings(
        provider=settings.ai_provider,
        model=settings.ai_model,
        base_url=settings.ai_base_url,
        api_key=settings.ai_api_key,
        temperature=settings.ai_temperature,
        api_version=settings.ai_api_version,
        max_tokens=settings.ai_max_tokens,
        max_turn_tokens=settings.ai_max_turn_tokens,
        capture_content=settings.ai_capture_content,
        tools_off=frozenset(settings.ai_tools_off),
        tool_timeout=settings.ai_tool_seconds,
        timeout=settings.ai_timeout_seconds,
        max_retries=settings.ai_max_retries,
    )


@contextmanager
def _needed(part: str) -> Generator[None]:
    try:
        yield
    except (HoldfastError, OSError, InvalidKeyring, ValidationError, UnicodeDecodeError) as exc:
        raise StartRefused(f"The {part} cannot be used: {exc}") from exc


def _store(
    settings: Settings, keys: Keyring, observers: Iterable[Observer]
) -> SessionStore[ServiceSession]:
    return open_store(
        _sized(settings),
        model=ServiceSession,
        keys=keys,
        namespace=settings.namespace,
        ttl=settings.ttl_seconds,
        max_age=settings.max_age_seconds,
        sliding=True,
        # A turn of a conversation is two items.
        max_items=max(1000, 2 * settings.max_messages),
        deadline=settings.deadline_seconds,
        observers=observers,
    )


def _sized(settings: Settings) -> str:
    url = settings.store_url
    if url == "memory://":
        return f"memory://?max_sessions={settings.max_sessions}"
    if settings.session_file is not None:
        settings.session_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return url


async def _try(store: SessionStore[ServiceSession], keys: Keyring, *, production: bool) -> None:
    health = await store.health_check()
    if not health.healthy:
        raise StartRefused(f"The session store does not work: {health.error or health.checks}")
    space = SealedSpace(store.backend, namespace=store.terms.namespace, keys=keys)
    found = await space.key_ids(sessions=LOOKED_AT) - {UNREADABLE}
    if production and (missing := [key_id for key_id in sorted(found) if not keys.find(key_id)]):
        raise StartRefused(
            f"The session store cannot be used: sessions stand under the keys {missing!r}, which "
            "are not among those at hand. Give them as well, behind the one that seals."
        )
    looked_at = await store.list_active(limit=LOOKED_AT)
    stats = await store.get_stats()
    if stats.unreadable_sessions and not looked_at.sessions:
        raise StartRefused(
            f"The session store cannot be used: none of the {stats.unreadable_sessions} sessions "
            f"looked at opens with the keys at hand ({', '.join(stats.key_ids)}). "
            "Give the key that sealed them, or another store."
        )


def _load_articles(knowledge: Knowledge) -> None:
    report = load_shipped_articles(knowledge)
    added = sum(addition.outcome != "unchanged" for addition in report.additions)
    if added:
        logger.info("knowledge.indexed", extra={"articles": added})
    for refusal in report.refusals:
        logger.error("knowledge.refused", extra={"reason": str(refusal)})


def _policy(settings: Settings) -> AgentPolicy:
    chosen = {} if settings.escalation_keywords is None else settings.escalation_keywords
    keywords = {"keywords": chosen} if chosen else {}
    escalation = EscalationPolicy(
        enabled=settings.escalation, threshold=settings.escalation_threshold, **keywords
    )
    return AgentPolicy(
        max_messages=settings.max_messages,
        lease_ttl=settings.lease_seconds,
        lease_wait=settings.lease_wait_seconds,
        memory_hours=settings.memory_hours,
        escalation=escalation,
    )


def _fingerprints(settings: Settings, keys: Keyring) -> Fingerprints | None:
    if settings.fingerprinting.visitor == "off":
        return None
    return Fingerprints(keys, namespace=settings.namespace)


def _visitors(
    settings: Settings, store: SessionStore[ServiceSession], keys: Keyring
) -> RateLimit | None:
    if not settings.rate_limit:
        return None
    burst = settings.rate_limit_burst or settings.rate_limit_requests
    rate = Rate(settings.rate_limit_requests, settings.rate_limit_seconds, burst)
    return RateLimit(store.backend, "visitors", rate, key=keys)
