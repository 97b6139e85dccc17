"""pydantic-ai: conversations saved at the revision they were loaded at; its in-memory store."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from holdfast.benchmarking.contender import Call, Contender, Kept
from holdfast.benchmarking.work import (
    APPEND,
    LIST,
    LISTED,
    READ,
    RECALL,
    RECALLED,
    RENEW,
    messages,
)


class Conversations:
    """The store; a refused save (`ConversationConflict`) is one that its caller was told of."""

    def __init__(self, module: Any) -> None:
        self._store = module.InMemoryConversationStore()
        self._conflict: Any = module.ConversationConflict
        self._conversation: Any = import_module("pydantic_ai.conversation").Conversation
        self._messages: Any = import_module("pydantic_ai.messages")
        self.calls: Mapping[str, Call] = {
            READ: self._read,
            APPEND: self._append,
            RECALL: self._recall,
            RENEW: self._renew,
            LIST: self._list,
        }

    async def begin(self, session_ids: Sequence[str]) -> None:
        """Save these conversations, empty."""
        for session_id in session_ids:
            await self._store.save(self._conversation(conversation_id=session_id), scope="user")

    async def fill(self, sessions: int) -> None:
        """Save this many."""
        await self.begin([f"filled-{number}" for number in range(sessions)])

    async def kept(self, session_id: str) -> Kept:
        """Count the messages."""
        return Kept(turns=len((await self._store.load(session_id)).messages) // 2)

    async def settings(self) -> str:
        """Say when a write is durable."""
        return "nothing outlives the process"

    async def _read(self, session_id: str, number: int) -> bool:
        return await self._store.load(session_id, limit=0) is not None

    async def _append(self, session_id: str, number: int) -> bool:
        conversation = await self._store.load(session_id, limit=0)
        question, answer = (message["content"] for message in messages(number))
        conversation.messages += [
            self._messages.ModelRequest(parts=[self._messages.UserPromptPart(content=question)]),
            self._messages.ModelResponse(parts=[self._messages.TextPart(content=answer)]),
        ]
        try:
            await self._store.save(conversation)
        except self._conflict:
            return False
        return True

    async def _recall(self, session_id: str, number: int) -> bool:
        appended = await self._append(session_id, number)
        await self._store.load(session_id, limit=RECALLED)
        return appended

    async def _renew(self, session_id: str, number: int) -> bool:
        conversation = self._conversation(conversation_id=f"{session_id}-renewed-{number}")
        await self._store.save(conversation, scope="user")
        await self._store.delete(conversation.conversation_id)
        return True

    async def _list(self, session_id: str, number: int) -> bool:
        return len(await self._store.read_records(scope="user", limit=LISTED)) == LISTED


@asynccontextmanager
async def open_in(_: Path) -> AsyncGenerator[Contender]:
    """Open the store."""
    yield Conversations(import_module("pydantic_ai.conversation_store"))
