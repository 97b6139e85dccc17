"""Tools of a model: switched off, given their time, tried twice, left alone while they are out."""

import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from holdfast.support.engine import Failed, Finished, ToolStarted, Turn
from holdfast.support.engines import EngineSettings, open_engine
from holdfast.support.engines.toolbox import POLICY, Toolbox
from holdfast.support.errors import EngineFailed
from holdfast.support.knowledge import Knowledge, KnowledgeUnavailable
from holdfast.support.library import Library
from tests.support.fake_openai import FakeOpenAI, serving, text, tool_call


class Tool:
    """Fails as often as it is told to."""

    def __init__(self, failures: int) -> None:
        self.used = 0
        self._failures = failures

    def __call__(self) -> str:
        self.used += 1
        if self.used <= self._failures:
            raise KnowledgeUnavailable("kb.db", "it is out")
        return "found"


async def test_a_use_that_failed_is_tried_once_more() -> None:
    """Not oftener."""
    box, once, twice = Toolbox(["t"]), Tool(1), Tool(2)
    assert await box.use("t", once) == "found"
    with pytest.raises(EngineFailed, match="the tool t failed"):
        await box.use("t", twice)
    assert (once.used, twice.used) == (2, 2)


async def test_a_tool_that_is_out_is_left_alone() -> None:
    """And no other tool with it; whoever asks is told at once, and when to come again."""
    box, out = Toolbox(["t", "u"]), Tool(1000)
    for _ in range(POLICY.minimum_calls):
        with pytest.raises(EngineFailed):
            await box.use("t", out)
    used = out.used
    with pytest.raises(EngineFailed, match="failed too often") as refused:
        await box.use("t", out)
    assert out.used == used <= POLICY.minimum_calls + 1
    assert refused.value.retry_after is not None
    assert refused.value.retry_after > 0
    assert await box.use("u", Tool(0)) == "found"


@asynccontextmanager
async def hanging() -> AsyncGenerator[Callable[..., bool]]:
    """Hold threads until the block ends."""
    over = threading.Event()
    try:
        yield lambda *_, **__: over.wait()
    finally:
        over.set()


async def test_a_use_has_its_time() -> None:
    """Whatever the tool waits for."""
    box = Toolbox(["t"], timeout=0.05)
    async with hanging() as hang:
        with pytest.raises(EngineFailed, match="the tool t failed"):
            await box.use("t", hang)


async def asked(service: FakeOpenAI, knowledge: Knowledge, **settings: Any) -> list[Any]:
    service.script += [tool_call("search_knowledge", question="rent a kayak"), text("Yes [1].")]
    given = EngineSettings(
        provider="compatible", model="fake", base_url=service.base_url, max_retries=0, **settings
    )
    turn = Turn(text="Can I rent a kayak?", history=(), library=Library(knowledge))
    async with open_engine(given) as engine:
        return [event async for event in engine.stream(turn)]


async def test_a_model_is_given_the_tools_that_are_on(knowledge: Knowledge) -> None:
    """One that is switched off is not named to it."""
    async with serving() as service:
        events = await asked(service, knowledge, tools_off={"read_article"})
        assert isinstance(events[-1], Finished)
        assert ToolStarted("search_knowledge") in events
        named = [tool["function"]["name"] for tool in service.requests[0]["tools"]]
        assert named == ["search_knowledge"]


async def test_an_answer_whose_tool_hangs_fails_soon(
    knowledge: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a reason for operators, and words for the visitor."""
    async with hanging() as hang, serving() as service:
        monkeypatch.setattr(Knowledge, "search", hang)
        failed = (await asked(service, knowledge, tool_timeout=0.05))[-1]
    assert isinstance(failed, Failed)
    assert failed.reason == "the tool search_knowledge failed"
    assert failed.message
