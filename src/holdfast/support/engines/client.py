"""The connection to a model's service, as far as it has to be closed."""

from typing import Protocol


class Client(Protocol):
    """Holds connections until it is closed."""

    async def close(self) -> None:
        """Close them."""
        ...
