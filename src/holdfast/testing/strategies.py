"""Hypothesis strategies for operations: few names, so that they meet, and few values."""

from typing import Any, Final, TypeVar

from hypothesis import strategies as st

from holdfast.backend import (
    Acquire,
    Add,
    Apply,
    Create,
    Delete,
    Drop,
    KeepDraft,
    Operation,
    Read,
    ReadItems,
    Release,
    Renew,
    Reseal,
    Swap,
    SwapItem,
    Take,
    Touch,
    Where,
)

Drawn = TypeVar("Drawn")
NAMESPACES: Final = ("one", "two")
KEYS: Final = ("one/a", "one/b", "two/a")
HOUR: Final = 3_600_000_000
LARGEST: Final = 2**53 - 1
BEGINNING: Final = 1_700_000_000_000_000
COUNTERS: Final = ("visits", "turns")
FLAGS: Final = ("up", "seen")
WRITTEN: Final = ("written", "kept")
MEMBERS: Final = ("open.a", "open.ab")
CHANGE_IDS: Final = ("c1", "c2", "c3", "c4", "c5", "c6")


def rarely(values: st.SearchStrategy[Drawn]) -> st.SearchStrategy[Drawn | None]:
    """Draw None mostly."""
    return st.one_of(st.none(), st.none(), st.none(), values)


keys = st.sampled_from(KEYS)
tokens = st.sampled_from(("t1", "t2", "t3"))
incarnations = st.sampled_from(("i1", "i2", "i3"))
users = st.sampled_from((b"", b"ann", b"bob"))
tags = st.sampled_from((b"t1", b"t2", b"t3"))
payloads = st.sampled_from((b"", b"x", b"y" * 40, b"z" * 90))
# Most sessions and leases outlast most of the waiting.
durations = st.sampled_from((HOUR, HOUR, HOUR, HOUR, 9_999_999, 10_000_000, 30_000_000, 1))
passing = st.one_of(st.integers(0, 3), st.sampled_from((4_000_000, 9_999_998, 10_000_000, HOUR)))
moments = rarely(st.integers(BEGINNING, BEGINNING + 30_000_000))
idle = rarely(durations)
rarely_true = st.sampled_from((False, False, False, True))
additions = st.builds(
    Add,
    st.sampled_from((*COUNTERS, *MEMBERS)),
    st.sampled_from((1, 1, 2, 0, -1, LARGEST)),
    st.sampled_from((LARGEST, 3, 1)),
)
texts = st.dictionaries(tags, payloads, max_size=2)
integers = st.dictionaries(
    st.sampled_from((*COUNTERS, *FLAGS, *WRITTEN)), st.integers(0, 2), max_size=2
)


def parts(**drawn: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Draw some of the parts of a change."""
    return st.fixed_dictionaries(drawn)


def one(value: st.SearchStrategy[Drawn]) -> st.SearchStrategy[tuple[Drawn]]:
    """Draw a tuple of one."""
    return st.tuples(value)


def several(steps: st.SearchStrategy[Drawn]) -> st.SearchStrategy[list[Drawn]]:
    """Draw steps that build on each other: drawn one by one they seldom meet on a session."""
    return st.lists(steps, min_size=2, max_size=4)


# What a change does: one thing to each name, as all changes do.
effects = st.one_of(
    parts(),
    parts(add=one(additions)),
    parts(set=texts, max_bytes=st.sampled_from((1 << 20, 100))),
    parts(
        unset=one(tags),
        put=st.dictionaries(st.sampled_from((*FLAGS, *WRITTEN, *MEMBERS)), st.just(0)),
    ),
    parts(claim=one(st.sampled_from(FLAGS)), put=st.just({"kept": 1})),
    parts(
        append=st.lists(payloads, min_size=1, max_size=3).map(tuple), max_items=st.integers(1, 4)
    ),
    parts(set=texts, append=one(payloads), add=one(additions), claim=one(st.sampled_from(FLAGS))),
    parts(
        set=texts, put=integers, replace=st.just(True), user_tags=st.tuples(users, users), ttl=idle
    ),
)  # fmt: skip

# What it asks for first.
conditions = st.one_of(
    parts(),
    parts(),
    parts(expect_revision=st.integers(1, 4)),
    parts(expect_incarnation=incarnations),
    parts(lease_token=tokens),
)


@st.composite
def changes(draw: st.DrawFn) -> Apply:
    """Draw a change."""
    return Apply(
        draw(keys),
        draw(st.sampled_from(CHANGE_IDS)),
        remember=draw(st.booleans()),
        digest=draw(st.sampled_from((b"", b"", b"other"))),
        slide=draw(rarely_true),
        **draw(conditions),
        **draw(effects),
    )


def creations() -> st.SearchStrategy[Create]:
    """Draw a session, the user and the state it begins with included."""
    return st.builds(Create, keys, incarnations, durations, durations, users, integers, texts)


def endings() -> st.SearchStrategy[Delete]:
    """Draw a deletion."""
    return st.builds(Delete, keys, rarely(incarnations), rarely(st.integers(1, 4)))


def visits() -> st.SearchStrategy[Operation]:
    """Draw what reads or moves a session without writing to it, or shortens its log."""
    return st.one_of(
        st.builds(Read, keys),
        st.builds(Touch, keys, rarely_true, idle),
        st.builds(ReadItems, keys, st.integers(0, 5), st.integers(1, 3)),
        st.builds(Drop, keys, rarely_true, rarely_true),
    )


def turns() -> st.SearchStrategy[Acquire | Renew | Release]:
    """Draw a step around a lease."""
    return st.one_of(
        st.builds(Acquire, keys, tokens, durations, rarely_true),
        st.builds(Renew, keys, tokens, durations),
        st.builds(Release, keys, tokens),
    )


def entries() -> st.SearchStrategy[Apply | Drop]:
    """Draw a step that makes a log longer or shorter."""
    longer = st.builds(_entry, keys, st.integers(0, 999))
    return st.one_of(longer, st.builds(Drop, keys, rarely_true, rarely_true))


def _entry(key: str, number: int) -> Apply:
    return Apply(key, f"entry-{number}", append=(b"x",))


def drafts() -> st.SearchStrategy[KeepDraft]:
    """Draw a note beside a session, or that it is to go."""
    return st.builds(KeepDraft, keys, payloads, rarely(tokens))


def resealings() -> st.SearchStrategy[Reseal]:
    """Draw an exchange of ciphertexts, which now and then are what is there."""
    swaps = st.builds(Swap, tags, payloads, tags, payloads)
    items = st.builds(SwapItem, st.integers(1, 6), payloads, payloads)
    return st.builds(
        Reseal,
        keys,
        st.lists(swaps, max_size=2).map(tuple),
        st.lists(items, max_size=2, unique_by=lambda swap: swap.number).map(tuple),
        st.one_of(st.none(), st.tuples(payloads, st.just(b"resealed"))),
        st.one_of(st.none(), st.tuples(users, users)),
    )


def takes() -> st.SearchStrategy[Take]:
    """Draw from a rate limit, or give back."""
    names = st.sampled_from(("limit1", "limit2"))
    return st.builds(Take, names, st.just(7_000_001), st.just(3), st.integers(-2, 4))


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
