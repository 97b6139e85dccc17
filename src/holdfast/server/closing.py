"""Why the service closes a WebSocket."""

from enum import IntEnum


class Ending(IntEnum):
    """The close codes; those from 4400 on are close to the status that a request would get."""

    RESTARTING = 1012
    TRY_LATER = 1013
    BAD_FRAMES = 4400
    UNAUTHENTICATED = 4401
    FORBIDDEN = 4403
    NO_SESSION = 4404
    IDLE = 4408
    SESSION_ENDED = 4409
    TOO_MANY = 4429


class Ended(Exception):
    """The service ends the conversation over a WebSocket; the reason is told to the caller."""

    def __init__(self, code: Ending, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason
