"""Who answers in a conversation: the agent, unless a person has answered last."""

from typing import Final

from holdfast.server.conversation.wire import Owner
from holdfast.support.messages import Entry

AGENT: Final = "Assistant"
STAFF: Final = "Staff"


def agent_answers() -> Owner:
    """Say that the agent does."""
    return Owner(kind="agent", name=AGENT)


def owner_of(newest_reply: Entry | None) -> Owner:
    """Say who does, from the newest message that is not the visitor's."""
    if newest_reply is None or newest_reply.message.role != "staff":
        return agent_answers()
    return Owner(kind="staff", name=newest_reply.message.name or STAFF)
