"""From a location to the link that reaches it."""

from typing import Final

from holdfast.backends.redis.cluster import Cluster
from holdfast.backends.redis.hearing import Deaf, Hearing
from holdfast.backends.redis.link import Link
from holdfast.backends.redis.location import Location
from holdfast.backends.redis.sentinel import Sentinel
from holdfast.backends.redis.single import Single

DEAF: Final = Deaf()


def link_to(location: Location, *, hearing: Hearing = DEAF) -> Link:
    """Make the link for a topology; nothing is connected yet."""
    match location.topology:
        case "single":
            return Single(location, hearing=hearing)
        case "sentinel":
            return Sentinel(location, hearing=hearing)
        case "cluster":
            return Cluster(location, hearing=hearing)
