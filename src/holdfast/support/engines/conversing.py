"""An engine made of a pydantic-ai agent: the same tools and rules for every model."""

import asyncio
from collections.abc import Sequence
from importlib.resources import files
from typing import Final, Self

from pydantic_ai import Agent, UsageLimits
from pydantic_ai.exceptions import AgentRunError, ModelAPIError, ModelHTTPError
from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    TextPart,
    UserPromptPart,
)
from pydantic_ai.models import Model
from pydantic_ai.models.instrumented import InstrumentationSettings
from pydantic_ai.settings import ModelSettings

from holdfast.support.engine import Answer, Said, Turn
from holdfast.support.engines.client import Client
from holdfast.support.engines.tools import read_article, search_knowledge
from holdfast.support.errors import EngineFailed
from holdfast.support.knowledge import KnowledgeUnavailable
from holdfast.support.library import Library

# A model that searches on and on is stopped here.
LIMITS: Final = UsageLimits(request_limit=8, tool_calls_limit=8)


class ConversingEngine:
    """Answers turns with a model that calls our tools. Open it with `async with`."""

    def __init__(
        self,
        model: Model,
        *,
        settings: ModelSettings | None = None,
        timeout: float = 30.0,
        client: Client | None = None,
    ) -> None:
        self._timeout = timeout
        self._client = client
        self._agent = Agent(
            model,
            deps_type=Library,
            instructions=(files("holdfast.support.engines") / "instructions.md").read_text(
                encoding="utf-8"
            ),
            name="support",
            model_settings=settings,
            tools=[search_knowledge, read_article],
        )
        # Spans may name models, tools and durations; what people write stays out of them.
        self.telemetry = InstrumentationSettings(include_content=False)
        self._agent.instrument = self.telemetry

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        if self._client is not None:
            await self._client.close()

    async def answer(self, turn: Turn) -> Answer:
        """Answer one turn; see `ChatEngine`."""
        text = await self._run(turn)
        cited = turn.library.cite(text)
        used = tuple(turn.library.used)
        return Answer(
            text=cited.text,
            sources=cited.sources,
            confidence=cited.confidence,
            tools_used=used,
            declined=bool(used) and not cited.sources,
        )

    async def _run(self, turn: Turn) -> str:
        try:
            async with asyncio.timeout(self._timeout):
                result = await self._agent.run(
                    turn.text,
                    message_history=_model_messages(turn.history),
                    deps=turn.library,
                    usage_limits=LIMITS,
                )
        except TimeoutError as exc:
            raise EngineFailed(f"no answer within {self._timeout:g} s") from exc
        except ModelHTTPError as exc:
            reason = f"the model's service answered {exc.status_code}"
            raise EngineFailed(reason, retry_after=exc.retry_after) from exc
        except ModelAPIError as exc:
            reason = "the model's service could not be reached"
            raise EngineFailed(reason, retry_after=exc.retry_after) from exc
        except AgentRunError as exc:
            raise EngineFailed(f"the model's run ended with {type(exc).__name__}") from exc
        except KnowledgeUnavailable as exc:
            raise EngineFailed("the knowledge base cannot be read") from exc
        return result.output


def _model_messages(history: Sequence[Said]) -> list[ModelMessage]:
    return [
        ModelRequest(parts=[UserPromptPart(said.text)])
        if said.by == "visitor"
        else ModelResponse(parts=[TextPart(said.text)])
        for said in history
    ]
