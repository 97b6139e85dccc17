"""What a look at a store finds, and what to do about it."""

from typing import Literal, NamedTuple

Level = Literal["ok", "warn", "fail"]


class Finding(NamedTuple):
    """One thing that was looked at; `advice` is empty when nothing is to be done.

    `warn`: it works, with a drawback that is named. `fail`: it does not, or data will be lost.
    """

    level: Level
    subject: str
    says: str
    advice: str = ""
