"""Which node of a cluster has which slot, and in which slot a bucket is."""

from binascii import crc_hqx
from collections.abc import Iterable, Mapping
from typing import Any, Final

from holdfast.backends.redis.location import Address

SLOTS: Final = 16_384


def slot_of(bucket: int) -> int:
    """Say in which slot the keys of a bucket are: CRC16 (XMODEM) of their hash tag."""
    return crc_hqx(b"%d" % bucket, 0) % SLOTS


def read_address(text: str, *, asked: Address) -> Address:
    """Read `host:port` as errors give it; without a host it is the one that was asked."""
    host, _, port = text.rpartition(":")
    return Address(_host(host, asked), int(port))


def read_owners(
    reply: Iterable[Any], slots: Iterable[int], *, asked: Address
) -> Mapping[int, Address]:
    """Find the owners of some slots in the answer to `CLUSTER SLOTS`; nobody's are left out.

    Each entry is `[first, last, [host, port, …], replicas…]`. A node that does not know its own
    host is the one that was asked.
    """
    ranges = [
        (first, last, Address(_host((host or b"").decode(), asked), port))
        for first, last, (host, port, *_), *_ in reply
    ]
    return {
        slot: address for slot in slots for first, last, address in ranges if first <= slot <= last
    }


def _host(host: str, asked: Address) -> str:
    return asked.host if host in {"", "?"} else host.strip("[]")
