"""A whole conversation, to be read by people or by programs."""

from typing import Final

from holdfast.server.harmless import harmless
from holdfast.support import Message, SupportAgent

PAGE: Final = 500
SPEAKERS: Final = {"user": "You", "assistant": "Assistant", "staff": "Staff", "system": "Notice"}


async def read_all(agent: SupportAgent, session_id: str) -> list[Message]:
    """Read all messages of a conversation.

    Raises:
        SessionNotFound: there is no such session.
    """
    messages: list[Message] = []
    after = 0
    while True:
        page = await agent.messages(session_id, after=after, limit=PAGE)
        messages += page.messages
        # A page reaches further than its size where numbers are left out.
        after = max(after + PAGE, page.messages[-1].number if page.messages else 0)
        if after >= page.last_number:
            return messages


def as_markdown(messages: list[Message]) -> str:
    """Write a conversation down as it is read; whoever opens it fetches nothing."""
    said = "\n\n".join(["# Conversation", *map(_as_markdown, messages)])
    return harmless(said) + "\n"


def _as_markdown(message: Message) -> str:
    head = f"**{SPEAKERS[message.role]}**, {message.at:%Y-%m-%d %H:%M} UTC"
    sources = [f"[{source.rank}] {source.title} ({source.uri})" for source in message.sources]
    parts = [head, message.content, "\n".join(f"- {source}" for source in sources)]
    return "\n\n".join(part for part in parts if part)
