"""What is measured: the kinds of work, and how much of each."""

from typing import Any, Final, NamedTuple

READ: Final = "read"
CHANGE: Final = "change one value"
INCREMENT: Final = "increment, one hot session"
# The same for stores without counters, with a step aside between their read and their write, as
# an agent makes one while it waits for its model. It is counted, not timed.
SPLIT_INCREMENT: Final = "increment, waiting in between"
APPEND: Final = "append a turn"
RECALL: Final = "append a turn, read the last 20"
RENEW: Final = "create and delete"
LIST: Final = "list the first 100"
COUNT: Final = "count"

BY_CALLERS: Final = (READ, CHANGE, INCREMENT, APPEND, RECALL, RENEW)
BY_SESSIONS: Final = (LIST, COUNT)
RECALLED: Final = 20
LISTED: Final = 100

MEMORY: Final = "memory"
FILE: Final = "file"
SERVER: Final = "server"

QUESTION: Final = "Where is my order, and can it still be sent to another address? "
ANSWER: Final = (
    "Your order left the warehouse this morning. The carrier changes the address until the "
    "evening before delivery: open the tracking page, choose 'another address', and confirm it "
    "with the code in your mail. "
)


class Case(NamedTuple):
    """One measurement: this work, by so many callers at once, in a store of so many sessions."""

    work: str
    callers: int = 1
    sessions: int | None = None

    def __str__(self) -> str:
        return f"{self.work}, {self.amount}"

    @property
    def amount(self) -> str:
        """How much of the work it is."""
        if self.sessions is not None:
            return f"{self.sessions:,} sessions"
        return "1 caller" if self.callers == 1 else f"{self.callers} callers"


class Scale(NamedTuple):
    """How much is done: rounds, seconds a store and round, callers at once, sizes of a store.

    `audited` callers make `audited_calls` calls each on one session, and what they left is counted.
    """

    rounds: int = 5
    seconds: float = 0.2
    callers: tuple[int, ...] = (1, 16, 64)
    # Beside the others, for appending alone: where many wait, slow stores take their time.
    most_callers: int | None = 256
    # Nothing in memory waits, so one caller does what any number of them would share.
    memory_callers: tuple[int, ...] = (1,)
    sizes: tuple[int, ...] = (1000, 100_000)
    size_rounds: int = 2
    audited: int = 64
    audited_calls: int = 10

    def callers_of(self, work: str, medium: str) -> tuple[int, ...]:
        """Say how many callers at once do this work in stores of this medium."""
        if medium == MEMORY:
            return self.memory_callers
        if work == APPEND and self.most_callers is not None:
            return *self.callers, self.most_callers
        return self.callers


QUICK: Final = Scale(
    rounds=3,
    seconds=0.05,
    callers=(1, 16),
    most_callers=None,
    sizes=(100, 1000),
    audited=16,
    audited_calls=4,
)


def messages(number: int) -> list[dict[str, Any]]:
    """Give a turn: what the user asks, and the answer."""
    return [
        {"role": "user", "content": f"{QUESTION}({number})"},
        {"role": "assistant", "content": f"{ANSWER}({number})"},
    ]
