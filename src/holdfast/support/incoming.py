"""What comes with a message, checked."""

from dataclasses import dataclass
from typing import Final

from holdfast.errors import InvalidSession

MAX_MESSAGE: Final = 8000
MAX_NAME: Final = 255
# Shorter than a name: change ids are made of it.
MAX_CLIENT_ID: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A visitor's message, and who sent it from where.

    `message_id` is that of a message which is stored already.

    Raises:
        InvalidSession: a text that is empty, too long, or cannot be written as UTF-8.
    """

    text: str
    user_id: str | None = None
    request_id: str | None = None
    client_message_id: str | None = None
    ip_address: str | None = None
    user_agent: str | None = None
    message_id: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", _stripped(self.text))
        _check("message", self.text, MAX_MESSAGE)
        _check("user_id", self.user_id, MAX_NAME)
        _check("request_id", self.request_id, MAX_NAME)
        _check("client_message_id", self.client_message_id, MAX_CLIENT_ID)

    @property
    def recognisable(self) -> bool:
        """Whether the same message sent again can be told from another one with the same words."""
        return self.client_message_id is not None or self.message_id is not None


def _stripped(text: str) -> str:
    if type(text) is not str:
        raise InvalidSession("message", "must be a string")
    return text.strip()


def _check(field: str, value: str | None, most: int) -> None:
    if value is None:
        return
    if type(value) is not str or not 1 <= len(value) <= most:
        raise InvalidSession(field, f"must have 1-{most} characters")
    try:
        value.encode()
    except UnicodeEncodeError as exc:
        raise InvalidSession(field, "must not contain lone surrogates") from exc
