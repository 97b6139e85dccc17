"""The map of a cluster is read as the servers mean it."""

import pytest

from holdfast.backends.redis.location import Address
from holdfast.backends.redis.slots import read_address, read_owners, slot_of
from tests.redis_topologies import Cluster

ASKED = Address("10.0.0.1", 7000)


def test_a_bucket_is_in_the_slot_that_the_cluster_finds_for_it(redis_cluster: Cluster) -> None:
    node = redis_cluster.primaries[0]
    for bucket in range(256):
        assert node.ask("CLUSTER", "KEYSLOT", f"hf:{{{bucket}}}:s:a/b") == slot_of(bucket)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("10.0.0.2:7001", Address("10.0.0.2", 7001)),
        (":7001", Address("10.0.0.1", 7001)),
        ("?:7001", Address("10.0.0.1", 7001)),
        ("[2001:db8::1]:7001", Address("2001:db8::1", 7001)),
        ("2001:db8::1:7001", Address("2001:db8::1", 7001)),
        ("node-1.example.org:7001", Address("node-1.example.org", 7001)),
    ],
)
def test_the_place_of_a_moved_slot_is_read_in_every_spelling(text: str, address: Address) -> None:
    assert read_address(text, asked=ASKED) == address


def test_owners_are_read_from_ranges_and_slots_without_one_are_left_out() -> None:
    reply = [
        [0, 99, [b"10.0.0.2", 7001, b"id", {}], [b"10.0.0.3", 7001, b"id", {}]],
        [100, 199, [None, 7002, b"id", {}]],
        [300, 300, [b"", 7003, b"id", {}]],
    ]
    assert read_owners(reply, (0, 99, 100, 200, 300), asked=ASKED) == {
        0: Address("10.0.0.2", 7001),
        99: Address("10.0.0.2", 7001),
        100: Address("10.0.0.1", 7002),
        300: Address("10.0.0.1", 7003),
    }
