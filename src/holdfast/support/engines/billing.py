"""A model whose calls are paid for by the turn that makes them."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final, cast

from pydantic_ai import RunContext
from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse
from pydantic_ai.models import ModelRequestParameters, StreamedResponse
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.settings import ModelSettings
from pydantic_ai.usage import RequestUsage
from pydantic_core import to_json

from holdfast.support.engines.tools import Desk

# No token stands for less than a byte of text; a message has a few of its own.
AROUND_A_MESSAGE: Final = 16
# What a text takes on the average, where a service was stopped before it counted.
BYTES_A_TOKEN: Final = 3
# What a model may write that nobody told when to stop.
MOST_OUTPUT: Final = 16_384


class BilledModel(WrapperModel):
    """Has each streamed call reserved before it is made, and settled by what it used.

    A call that was stopped before its service counted is settled by what was sent and received.
    """

    @asynccontextmanager
    async def request_stream(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
        run_context: RunContext[Any] | None = None,
    ) -> AsyncGenerator[StreamedResponse]:
        """Ask the model, if it can be paid for."""
        asked = (messages, model_settings, model_request_parameters, run_context)
        desk = run_context.deps if run_context else None
        purse = desk.purse if isinstance(desk, Desk) else None
        if purse is None:
            async with self.wrapped.request_stream(*asked) as response:
                yield response
            return
        size = _size(messages, model_request_parameters)
        most = _most_output(model_settings)
        async with purse.call(self.model_name, input_tokens=size, output_tokens=most) as call:
            try:
                async with self.wrapped.request_stream(*asked) as response:
                    try:
                        yield response
                    finally:
                        call.used = _used(response.usage, size, response.get())
            except asyncio.CancelledError:
                # Stopped while the service was at it, perhaps before its first word.
                call.used = call.used or (size // BYTES_A_TOKEN, 0)
                raise


def _used(usage: RequestUsage, size: int, response: ModelResponse) -> tuple[int, int]:
    """Say what a call used, in tokens read and written."""
    if usage.input_tokens or usage.output_tokens:
        return usage.input_tokens, usage.output_tokens
    return size // BYTES_A_TOKEN, -(-_bytes(response.parts) // BYTES_A_TOKEN)


def _most_output(model_settings: ModelSettings | None) -> int:
    # Its other entries are of types that not every installation has.
    given = cast("dict[str, Any]", model_settings or {})
    return int(given.get("max_tokens") or MOST_OUTPUT)


def _size(messages: Iterable[ModelMessage], parameters: ModelRequestParameters) -> int:
    """Count the bytes that a model is to read: it cannot be more tokens than that."""
    tools = [to_json([tool.name, tool.description, tool.parameters_json_schema])
             for tool in parameters.function_tools]  # fmt: skip
    size = sum(len(tool) + AROUND_A_MESSAGE for tool in tools)
    instructions = ""
    for message in messages:
        size += _bytes(message.parts) + AROUND_A_MESSAGE * len(message.parts)
        if isinstance(message, ModelRequest):
            instructions = message.instructions or instructions
    return size + len(instructions.encode()) + AROUND_A_MESSAGE


def _bytes(parts: Iterable[Any]) -> int:
    """Count the bytes of what parts of a message say: text, arguments, results."""
    told = [(getattr(part, "content", None), getattr(part, "args", None)) for part in parts]
    return sum(_length(content) + _length(arguments) for content, arguments in told)


def _length(value: Any) -> int:
    if value is None:
        return 0
    return len(value.encode() if isinstance(value, str) else to_json(value))
