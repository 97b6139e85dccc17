"""Hypothesis strategies for operations: few names, so that they meet, and few values."""

from typing import Any, Final

from hypothesis import strategies as st

from holdfast.backend import (
    Acquire,
    Add,
    Apply,
    Create,
    Delete,
    Drop,
    Operation,
    Read,
    ReadItems,
    Release,
    Renew,
    Take,
    Touch,
    Where,
)

NAMESPACES: Final = ("one", "two")
KEYS: Final = ("one/a", "one/b", "one/c", "two/a")
LARGEST: Final = 2**53 - 1
BEGINNING: Final = 1_700_000_000_000_000
COUNTERS: Final = ("visits", "turns")
FLAGS: Final = ("up", "seen")
WRITTEN: Final = ("written", "kept")

keys = st.sampled_from(KEYS)
tokens = st.sampled_from(("t1", "t2", "t3"))
incarnations = st.sampled_from(("i1", "i2", "i3"))
users = st.sampled_from((b"", b"ann", b"bob"))
tags = st.sampled_from((b"t1", b"t2", b"t3"))
payloads = st.sampled_from((b"", b"x", b"y" * 40, b"z" * 90))
durations = st.one_of(st.integers(1, 60_000_000), st.sampled_from((1, 3_600_000_000)))
moments = st.one_of(st.none(), st.none(), st.integers(BEGINNING, BEGINNING + 60_000_000))
revisions = st.one_of(st.none(), st.none(), st.integers(1, 5))
texts = st.dictionaries(tags, payloads, max_size=3)
integers = st.dictionaries(
    st.sampled_from((*COUNTERS, *FLAGS, *WRITTEN)), st.integers(0, 2), max_size=3
)
additions = st.builds(
    Add,
    st.sampled_from(COUNTERS),
    st.sampled_from((-2, -1, 0, 1, 1, 2, LARGEST)),
    st.sampled_from((0, 1, 5, LARGEST)),
)


@st.composite
def changes(draw: st.DrawFn) -> Apply:
    """Draw a change that does one thing to each name, as all changes do."""
    parts: dict[str, Any] = {
        "change_id": draw(st.sampled_from(("c1", "c2", "c3", "c4", "c5"))),
        "digest": draw(st.sampled_from((b"d1", b"d1", b"d2"))),
        "remember": draw(st.booleans()),
        "slide": draw(st.booleans()),
        "set": draw(texts),
        "append": tuple(draw(st.lists(payloads, max_size=3))),
        "max_items": draw(st.integers(1, 6)),
        "max_bytes": draw(st.sampled_from((1 << 20, 1 << 20, 100))),
        "expect_incarnation": draw(st.one_of(st.none(), st.none(), incarnations)),
        "expect_revision": draw(revisions),
        "lease_token": draw(st.one_of(st.none(), st.none(), tokens)),
        "ttl": draw(st.one_of(st.none(), st.none(), durations)),
    }
    more = draw(replacing()) if draw(st.integers(0, 5)) == 0 else draw(altering(parts["set"]))
    return Apply(draw(keys), **parts, **more)


@st.composite
def replacing(draw: st.DrawFn) -> dict[str, Any]:
    """Draw what a replacement has besides its values."""
    user_tags = tuple(draw(st.lists(users, min_size=1, max_size=2)))
    return {"replace": True, "user_tags": user_tags, "put": draw(integers)}


@st.composite
def altering(draw: st.DrawFn, written: dict[bytes, bytes]) -> dict[str, Any]:
    """Draw what a change does besides setting values."""
    claim = draw(st.lists(st.sampled_from(FLAGS), max_size=2, unique=True))
    lowered = [flag for flag in FLAGS if flag not in claim]
    names = st.sampled_from((*lowered, *WRITTEN))
    adds = draw(st.lists(additions, max_size=2, unique_by=lambda add: add.name))
    unset = draw(st.lists(tags.filter(lambda tag: tag not in written), max_size=1))
    put = draw(st.dictionaries(names, st.integers(0, 1), max_size=2))
    return {"claim": tuple(claim), "add": tuple(adds), "unset": tuple(unset), "put": put}


def operations() -> st.SearchStrategy[Operation]:
    """Draw any operation on a session, or on a rate limit."""
    deletions = st.builds(Delete, keys, st.one_of(st.none(), incarnations), revisions)
    takes = st.builds(
        Take,
        st.sampled_from(("limit1", "limit2")),
        st.just(7_000_001),
        st.just(3),
        st.integers(0, 4),
    )
    return st.one_of(
        st.builds(Create, keys, incarnations, durations, durations, users, integers, texts),
        changes(),
        changes(),
        st.builds(Touch, keys, st.booleans(), st.one_of(st.none(), durations)),
        st.builds(ReadItems, keys, st.integers(0, 5), st.integers(1, 5)),
        st.builds(Drop, keys, st.booleans(), st.booleans()),
        st.builds(Acquire, keys, tokens, durations, st.booleans()),
        st.builds(Renew, keys, tokens, durations),
        st.builds(Release, keys, tokens),
        deletions,
        takes,
        st.builds(Read, keys),
    )


def where() -> st.SearchStrategy[Where]:
    """Draw what a listing is restricted to."""
    ranges = st.tuples(st.sampled_from(COUNTERS), st.integers(0, 1), st.integers(1, 3))
    return st.builds(
        Where,
        user_tags=st.lists(users, max_size=2, unique=True).map(tuple),
        created_from=moments,
        created_to=moments,
        integers=st.lists(ranges, max_size=1).map(tuple),
    )
