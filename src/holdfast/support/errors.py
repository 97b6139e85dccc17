"""What goes wrong beside the store.

HoldfastError
├── EngineFailed        an engine could not answer; the agent catches it
├── PriceUnknown        a model that is to be paid for has no price; it is not asked
└── AnswerUnavailable   a turn has no answer; the visitor's message is kept
"""

from typing import Final

from holdfast.errors import HoldfastError

NO_ANSWER: Final = "No answer could be made just now."


class EngineFailed(HoldfastError):
    """An engine could not answer a turn.

    `message` is a sentence for the visitor. `retry_after` is in seconds; None when nobody knows.
    """

    def __init__(
        self, reason: str, *, message: str = NO_ANSWER, retry_after: float | None = None
    ) -> None:
        super().__init__(f"The engine could not answer: {reason}.")
        self.reason, self.message, self.retry_after = reason, message, retry_after


class PriceUnknown(HoldfastError):
    """A model cannot be asked, because its budget has a limit and nobody knows what it costs."""

    def __init__(self, model: str) -> None:
        super().__init__(
            f"There is no price for the model {model!r}, and the budget has a limit: it was not "
            "asked. Give its price in HOLDFAST_PRICES."
        )
        self.model = model


class AnswerUnavailable(HoldfastError):
    """A message was stored and has no answer yet; it can be sent again as it is.

    With the same `client_message_id` the message is not stored a second time. `message_id` and
    `number` are those of the visitor's message, `retry_after` is in seconds. Nobody is told to try
    again what is not `retryable`.
    """

    def __init__(
        self,
        session_id: str,
        *,
        message_id: str,
        number: int,
        retry_after: float,
        message: str = NO_ANSWER,
        retryable: bool = True,
    ) -> None:
        again = f" Please try again in {retry_after:.3g} s." if retryable else ""
        super().__init__(f"{message} Your message is kept.{again}")
        self.session_id, self.message_id, self.number = session_id, message_id, number
        self.retry_after = retry_after
