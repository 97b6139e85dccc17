"""How often a password may be tried: by account, by network, and by the pair of both.

Whoever asks is counted before a password is hashed, in one atomic step of the store for each limit,
and gets back what was counted when the password was right: tries that are made at once cannot get
past a limit together. A refusal counts nothing, so nobody is locked out longer by trying on.

- network: so many tries in a time, whatever the account, from devices that are not known to it.
  Only this limit is ever told to callers.
- account: `limit` tries in `cooldown` seconds from devices that are not known to it.
- pair: after `limit` failures each next one is kept waiting for 1, 2, 4, … seconds, up to 15
  minutes. The pair of a known device is its own: its neighbours are not its problem.

Accounts that do not exist are counted like others. All names are kept as keyed tags. Failures in a
row are counted with the users, see `holdfast.server.users.streaks`: they last, and names that
nobody has must not.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from holdfast.errors import SessionExists
from holdfast.keyring import Keyring
from holdfast.limits import Rate, RateLimit, Taken
from holdfast.opening import open_beside
from holdfast.server.auth.known_devices import KnownDevices
from holdfast.server.users.user import one_spelling
from holdfast.session import Session
from holdfast.store import SessionStore

HOUR: Final = 3600
LONGEST_DELAY: Final = 900
# Behind one address there may be a whole office.
NETWORK_SHARE: Final = 10
LONGEST_NAME: Final = 255

# A limit, and who takes from it.
Drawn = tuple[RateLimit, str]


class Admission(NamedTuple):
    """Whether a password may be hashed; `retry_after` is there where the network is the reason."""

    allowed: bool
    retry_after: int | None = None
    account: str = ""
    network: str = ""
    device: str | None = None

    @property
    def pair(self) -> str:
        """Name who tries this account: a device that it knows, or a network."""
        asker = f"network {self.network}" if self.device is None else f"device {self.device}"
        return f"{asker} {self.account}"


class Throttle:
    """Counts tries in the limits of a store, and keeps who has to wait as sessions of its own."""

    def __init__(
        self,
        store: SessionStore[Any],
        keys: Keyring,
        *,
        limit: int = 5,
        cooldown: float = 300,
        now: Callable[[], float] = time.time,
    ) -> None:
        def limited(name: str, seconds: float, burst: int) -> RateLimit:
            rate = Rate(1, seconds / burst, burst)
            return RateLimit(store.backend, f"login-{name}", rate, key=keys)

        self._limit = limit
        self._networks = limited("network", cooldown, NETWORK_SHARE * limit)
        self._strangers = limited("account", cooldown, limit)
        # One failure is forgotten an hour; after so many more the delay grows no further.
        steps = limit + LONGEST_DELAY.bit_length()
        self._pairs = limited("pair", HOUR * steps, steps)
        self._waiting = open_beside(
            store, "throttle", model=Session, keys=keys, ttl=LONGEST_DELAY, max_age=LONGEST_DELAY
        )
        self._keys = keys
        self._devices = KnownDevices(keys, now=now)

    @property
    def waiting(self) -> SessionStore[Session]:
        """The pairs that have to wait, to be collected when they need not any more."""
        return self._waiting

    async def admit(self, name: str, network: str, device_cookie: str | None = None) -> Admission:
        """Count a try before its password is looked at; one that is not admitted is not counted.

        Raises:
            StoreUnavailable: nobody can tell; the password must not be looked at.
        """
        account = account_of(name)
        asked = Admission(True, None, account, network, self._devices.read(device_cookie, account))
        if asked.device is None:
            # First, so that what a network is told says nothing about any account.
            seen = await self._networks.look(network)
            if not seen.allowed:
                return Admission(False, max(1, seen.retry_after))
        taken: list[Drawn] = []
        for limit, caller in self._limits_of(asked):
            answer = await limit.take(caller)
            if not answer.allowed:
                return await self._refuse(taken, answer if limit is self._networks else None)
            taken.append((limit, caller))
        return asked if await self._take_turn(asked.pair) else await self._refuse(taken)

    async def _refuse(self, taken: list[Drawn], by_network: Taken | None = None) -> Admission:
        for limit, caller in taken:
            await limit.give_back(caller)
        return Admission(False, None if by_network is None else max(1, by_network.retry_after))

    async def succeeded(self, admission: Admission) -> str:
        """Take the try back that turned out right, and give the cookie of the device.

        Failures of others before it count on.

        Raises:
            StoreUnavailable: nobody can tell whether all of it was taken back.
        """
        await self.withdraw(admission)
        return self._devices.issue(admission.account)

    async def withdraw(self, admission: Admission) -> None:
        """Take a try back whose password was not looked at.

        Raises:
            StoreUnavailable: nobody can tell whether all of it was taken back.
        """
        own = [limit.give_back(caller) for limit, caller in self._limits_of(admission)]
        await asyncio.gather(
            *own,
            self._pairs.give_back(admission.pair),
            self._waiting.delete(self._name(admission.pair)),
        )

    def _limits_of(self, asked: Admission) -> list[Drawn]:
        """List what a try takes from, the narrowest first, so that a crowd stops there."""
        if asked.device is not None:
            return []
        return [(self._strangers, asked.account), (self._networks, asked.network)]

    async def _take_turn(self, pair: str) -> bool:
        """Count a try of a pair, where it has tries left or has waited long enough.

        From the last free try on whoever keeps the others waiting passes: nobody fits between.
        """
        failures = (await self._pairs.look(pair)).used
        if failures >= self._limit - 1:
            waited = await self._keep_waiting(pair, 2 ** (failures - self._limit + 1))
            if waited:
                await self._pairs.take(pair)
            return waited
        taken = await self._pairs.take(pair)
        if taken.used < self._limit:
            return True
        # Others who came at the same time were before this one.
        passed = taken.allowed and await self._keep_waiting(pair, 1)
        if taken.allowed and not passed:
            await self._pairs.give_back(pair)
        return passed

    async def _keep_waiting(self, pair: str, seconds: int) -> bool:
        """Let the one who comes first pass, and nobody else until the time is over."""
        try:
            await self._waiting.create(self._name(pair), ttl=min(seconds, LONGEST_DELAY))
        except SessionExists:
            return False
        return True

    def _name(self, pair: str) -> str:
        return self._keys.primary.derive("login pair", pair).hex()


def account_of(name: str) -> str:
    """Give the one way in which all spellings of a name are counted: as users are found by it."""
    return one_spelling(name.encode(errors="replace").decode()).strip()[:LONGEST_NAME]
