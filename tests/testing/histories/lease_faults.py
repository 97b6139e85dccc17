"""Faults of leases: two holders, fences that fall, holders that write when they are none."""

from holdfast.testing.histories import Event, Kind
from holdfast.testing.histories.specification import SECOND
from tests.testing.histories.faulty import Faulty


def _grant(faulty: Faulty, token: str, fence: int, ttl: float = 10, kind: Kind = "steal") -> Event:
    # Beyond all fences of the simulated store.
    return faulty.add(kind, {"token": token, "fence": 10**18 + fence}, {"ttl": ttl})


def write_after_another_grant(faulty: Faulty) -> None:
    _grant(faulty, "first", 1)
    _grant(faulty, "second", 2)
    faulty.add("apply", faulty.made(), {"lease_token": "first", "unset": ["none"]})


def write_after_expiry(faulty: Faulty) -> None:
    grant = _grant(faulty, "first", 1, ttl=0.02)
    late = grant.end + SECOND
    faulty.add("apply", faulty.made(), {"lease_token": "first", "unset": ["none"]}, at=late)


def write_after_release(faulty: Faulty) -> None:
    _grant(faulty, "first", 1)
    faulty.add("release", True, {"token": "first"})
    faulty.add("apply", faulty.made(), {"lease_token": "first", "unset": ["none"]})


def renewal_after_another_grant(faulty: Faulty) -> None:
    first = _grant(faulty, "first", 1)
    _grant(faulty, "second", 2)
    faulty.add("renew", {"fence": first.answer["fence"]}, {"token": "first", "ttl": 1})


def leases_overlap(faulty: Faulty) -> None:
    _grant(faulty, "first", 1)
    _grant(faulty, "second", 2, kind="acquire")


def fence_fell(faulty: Faulty) -> None:
    _grant(faulty, "first", 2)
    _grant(faulty, "second", 1)


def fence_repeated(faulty: Faulty) -> None:
    _grant(faulty, "first", 1)
    _grant(faulty, "second", 1)
