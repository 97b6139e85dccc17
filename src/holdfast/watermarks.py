"""What this process has seen of each session, so that a store that went back is found out."""

from collections import OrderedDict
from typing import Final

from holdfast.errors import SessionRolledBack

MARKS_KEPT: Final = 16_384


# An incarnation, and the highest revision seen of it.
Mark = tuple[str, int]


class Watermarks:
    """The marks of the sessions used last.

    An answer is compared with the mark as it stood before the question was asked: answers may
    overtake each other, a store that is well never answers from before the question.
    """

    def __init__(self) -> None:
        self._marks: OrderedDict[str, Mark] = OrderedDict()
        self.rollbacks = 0

    def __len__(self) -> int:
        return len(self._marks)

    def before(self, session_id: str) -> Mark | None:
        """Give the mark to compare the coming answer with."""
        return self._marks.get(session_id)

    def compare(
        self,
        session_id: str,
        before: Mark | None,
        incarnation: str,
        revision: int,
        *,
        applied: bool = False,
    ) -> None:
        """Raise the mark to what was answered; `applied` says that it was a change.

        Raises:
            SessionRolledBack: the answer is older than the mark was; raised once, then the mark
                is lowered to what the store has.
        """
        marks, mark = self._marks, (incarnation, revision)
        if before is not None and before[0] == incarnation and revision < before[1]:
            marks[session_id] = mark
            self.rollbacks += 1
            raise SessionRolledBack(session_id, seen=before[1], found=revision, applied=applied)
        now = marks.get(session_id)
        if now is None or now[0] != incarnation or now[1] < revision:
            marks[session_id] = mark
        marks.move_to_end(session_id)
        if len(marks) > MARKS_KEPT:
            marks.popitem(last=False)
