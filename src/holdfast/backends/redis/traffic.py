"""What has happened on the connections of a node."""

from collections.abc import Mapping


class Traffic:
    """Counts since the node was made; `crossed_replies` must stay 0."""

    __slots__ = (
        "connects",
        "crossed_replies",
        "lost",
        "pings",
        "received_bytes",
        "sent_bytes",
        "turned_away",
    )

    def __init__(self) -> None:
        self.connects = 0
        self.lost = 0
        self.crossed_replies = 0
        self.pings = 0
        self.turned_away = 0
        self.sent_bytes = 0
        self.received_bytes = 0

    def statistics(self) -> Mapping[str, int]:
        """Give all counts by name."""
        return {name: getattr(self, name) for name in self.__slots__}
