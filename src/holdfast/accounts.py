"""Where the account of a budget stands: its name is made with a key, and keys are exchanged.

Processes go over to a new key at slightly different moments. While there are several keys, an
account that is not there yet could be begun under two names at once, and each would have the whole
limit. So whoever begins one first says which name it has, in a place that all of them agree on.
"""

from collections.abc import Callable

from holdfast.ledger import Account
from holdfast.store import SessionStore

# The ids that an account may have, one a key; that of the sealing key first.
Names = Callable[[], tuple[str, ...]]


class AccountPlace:
    """The place of one account in the store, by the keys as they are now.

    `ttl`, in seconds, is how long an account is kept.
    """

    def __init__(self, accounts: SessionStore[Account], names: Names, *, ttl: float | None) -> None:
        self._accounts = accounts
        self._names = names
        self._ttl = ttl

    async def find(self) -> Account | None:
        """Read the account, under whichever key of the ring it was begun."""
        for name in self._names():
            account = await self._accounts.get(name)
            if account is not None:
                return account
        return None

    async def open(self) -> Account:
        """Read the account, or begin it."""
        return await self.find() or await self._begin(self._names())

    async def _begin(self, names: tuple[str, ...]) -> Account:
        name = names[0]
        if len(names) > 1:
            agreed = await self._accounts.get_or_create(
                f"begun:{min(names)}", factory=lambda: {"name": name}, ttl=self._ttl
            )
            name = str(agreed.metadata["name"])
        return await self._accounts.get_or_create(name, ttl=self._ttl)
