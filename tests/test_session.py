"""Sessions: which ids they may have, what their models may declare, and that they stay as read."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    field_validator,
    model_validator,
)

from holdfast import Counter, Flag, InvalidSession, Session, SessionFilter, SupportSession
from holdfast.layout import Layout
from holdfast.session import MAX_INTEGER, check_session_id

FORBIDDEN = "{}/?#%\\"
ALLOWED = "".join(map(chr, range(33, 127))).translate({ord(sign): None for sign in FORBIDDEN})
allowed_ids = st.text(ALLOWED, min_size=1, max_size=255).filter(
    lambda text: text not in {"count", ".", ".."}
)


@given(allowed_ids)
def test_printable_ascii_names_a_session(session_id: str) -> None:
    """All of it but what has a meaning in an address or a key."""
    assert check_session_id(session_id) == session_id
    assert Session(session_id=session_id).session_id == session_id


@given(st.text())
def test_everything_else_is_refused(session_id: str) -> None:
    """An id is accepted exactly when each of its characters is allowed and none too many."""
    good = 1 <= len(session_id) <= 255 and {*session_id} <= {*ALLOWED}
    if good and session_id not in {"count", ".", ".."}:
        assert check_session_id(session_id) == session_id
    else:
        with pytest.raises(InvalidSession) as refusal:
            check_session_id(session_id)
        assert refusal.value.field == "session_id"


@pytest.mark.parametrize("sign", [*FORBIDDEN, " ", "\n", "\0", "\x7f", "é", "\ud800", "a\n"])
def test_each_forbidden_character_is_refused_anywhere(sign: str) -> None:
    """At the beginning, in the middle, at the end."""
    for session_id in (sign, f"a{sign}", f"{sign}a", f"a{sign}a"):
        with pytest.raises(InvalidSession):
            check_session_id(session_id)


@pytest.mark.parametrize("session_id", ["", "x" * 256, "count", ".", "..", None, 7, b"a", ["a"]])
def test_what_is_no_id_is_refused(session_id: Any) -> None:
    """Too short, too long, taken by the service's routes, or no string at all."""
    with pytest.raises(InvalidSession):
        check_session_id(session_id)


@pytest.mark.parametrize("session_id", ["o'brien", "Count", "counts", "...", "a", "x" * 255, "~!$"])
def test_what_looks_odd_may_be_an_id(session_id: str) -> None:
    """Quotes, dots in company, one character, and all 255."""
    assert check_session_id(session_id) == session_id


def test_a_subclass_of_string_is_no_id() -> None:
    """What behaves like a string may behave otherwise later."""

    class Sly(str):
        __slots__ = ()

    with pytest.raises(InvalidSession):
        check_session_id(Sly("a"))


def test_a_session_cannot_be_altered() -> None:
    """Neither a field, nor a new one, nor anything inside."""
    session = Session(session_id="a", metadata={"list": [1], "map": {"k": []}})
    for name in ("user_id", "revision", "anything"):
        with pytest.raises(ValidationError):
            setattr(session, name, "x")
    inner: Any = session.metadata
    changes: list[Callable[[], Any]] = [
        lambda: inner.update(k=1),
        lambda: inner["list"].append(2),
        lambda: inner["map"]["k"].append(2),
    ]
    for change in changes:
        with pytest.raises(TypeError):
            change()
    assert session.metadata == {"list": [1], "map": {"k": []}}


def test_unknown_fields_are_refused() -> None:
    """A misspelt field is not lost silently."""
    with pytest.raises(ValidationError, match="user_idd"):
        Session.model_validate({"session_id": "a", "user_idd": "ann"})


def test_times_are_aware_and_utc() -> None:
    """Naive ones are taken for UTC, others moved there; what is no time becomes now."""
    naive = datetime(2024, 5, 1, 12, 0)  # noqa: DTZ001
    session = Session.model_validate(
        {
            "session_id": "a",
            "created_at": naive,
            "updated_at": "2024-05-01T15:00:00+02:00",
            "last_activity": "yesterday-ish",
        }
    )
    assert session.created_at == datetime(2024, 5, 1, 12, 0, tzinfo=UTC)
    assert session.updated_at == datetime(2024, 5, 1, 13, 0, tzinfo=UTC)
    assert abs(session.last_activity - datetime.now(UTC)) < timedelta(minutes=1)
    assert {moment.tzinfo for moment in (session.created_at, session.updated_at)} == {UTC}


def test_an_update_is_never_before_the_creation() -> None:
    """Whatever a wire says."""
    late = datetime(2024, 5, 2, tzinfo=UTC)
    session = Session(session_id="a", created_at=late, updated_at=late - timedelta(days=1))
    assert session.updated_at == late


def test_a_session_survives_its_own_json() -> None:
    """What is dumped can be validated again, and is equal."""
    session = SupportSession(session_id="a", user_id="ann", metadata={"n": 1.0, "e": [], "d": {}})
    again = SupportSession.model_validate_json(session.model_dump_json())
    assert again == session


class TestDeclaring:
    """What a model of one's own may declare."""

    def test_counters_and_flags_are_found(self) -> None:
        """With their limits, `le` and `lt` alike; everything else is a sealed value."""

        class Mine(Session):
            visits: Counter = 0
            turns: Counter = Field(default=0, le=9)
            tries: Counter = Field(default=0, lt=9)
            up: Flag = False
            plain: int = 0
            words: tuple[str, ...] = ()

        layout = Layout.of(Mine)
        assert layout.limits == {"visits": MAX_INTEGER, "turns": 9, "tries": 8}
        assert layout.flags == {"up"}
        assert set(layout.values) == {"plain", "words"}
        assert layout.zeros == {"visits": 0, "turns": 0, "tries": 0, "up": 0}

    @pytest.mark.parametrize("value", [-1, MAX_INTEGER + 1, 1.0, "1", True, None])
    def test_a_counter_holds_whole_numbers_from_0_to_its_limit(self, value: Any) -> None:
        """In the model and on the way to the store; a boolean is no number."""

        class Mine(Session):
            visits: Counter = 0

        with pytest.raises(InvalidSession) as refusal:
            Layout.of(Mine).integer("visits", value)
        assert refusal.value.field == "visits"
        with pytest.raises(ValidationError):
            Mine(session_id="a", visits=value)

    @pytest.mark.parametrize("value", [0, 1, "yes", None, 1.0])
    def test_a_flag_is_true_or_false(self, value: Any) -> None:
        """Nothing that is merely like it."""

        class Mine(Session):
            up: Flag = False

        with pytest.raises(InvalidSession):
            Layout.of(Mine).integer("up", value)

    def test_counters_and_flags_start_down(self) -> None:
        """The store has no other beginning for them."""

        class Counting(Session):
            visits: Counter = 1

        class Waving(Session):
            up: Flag = True

        for model in (Counting, Waving):
            with pytest.raises(TypeError, match="must start at 0 or False"):
                Layout.of(model)

    def test_a_counter_that_may_be_something_else_is_refused(self) -> None:
        """The store could not add to it, and would keep it as a value without saying so."""

        class Optional(Session):
            visits: Counter | None = None

        class Listed(Session):
            flags: tuple[Flag, ...] = ()

        for model in (Optional, Listed):
            with pytest.raises(TypeError, match="by itself"):
                Layout.of(model)

    def test_functions_as_validators_are_refused(self) -> None:
        """They would see one value at a time, or none: the rule belongs into the type."""
        with pytest.raises(TypeError, match="field's type"):

            class OneField(Session):
                topic: str = ""

                @field_validator("topic")
                @classmethod
                def short(cls, value: str) -> str:
                    return value

        with pytest.raises(TypeError, match="field's type"):

            class Whole(Session):
                @model_validator(mode="after")
                def check(self) -> "Whole":
                    return self

    def test_rules_in_types_are_kept(self) -> None:
        """A field's own validator runs when it is written."""

        class Mine(Session):
            topic: Annotated[str, AfterValidator(str.lower)] = ""
            size: Annotated[int, Field(gt=3)] = 4

        layout = Layout.of(Mine)
        assert layout.dump("topic", "REFUND") == b'"refund"'
        with pytest.raises(InvalidSession, match="size: Input should be greater than 3"):
            layout.dump("size", 3)

    def test_what_a_reader_could_alter_is_refused(self) -> None:
        """A model that is not frozen, also inside another; data classes; queues."""

        class Loose(BaseModel):
            word: str = ""

        class Tight(BaseModel):
            model_config = ConfigDict(frozen=True)
            loose: list[Loose] = []

        @dataclass
        class Data:
            words: list[str]

        for kind in (Loose, Loose | None, list[Loose], Tight, Data, dict[str, Data], deque[int]):
            with pytest.raises(TypeError, match="can be altered"):
                type("Mine", (Session,), {"__annotations__": {"field": kind}, "field": None})

    def test_frozen_models_may_hold_each_other(self) -> None:
        """Also themselves."""

        class Tree(BaseModel):
            model_config = ConfigDict(frozen=True)
            branches: "list[Tree]" = []

        class Mine(Session):
            tree: Tree | None = None

        session = Mine(session_id="a", tree=Tree(branches=[Tree()]))
        assert session.tree is not None
        with pytest.raises(TypeError):
            session.tree.branches.append(Tree())


class TestFiltering:
    """What a listing can be restricted to."""

    def test_everything_named_becomes_a_range(self) -> None:
        """Flags are 0 or 1, messages a range, other integers as they are given."""
        chosen = SessionFilter(escalated=True, min_messages=2, between={"visits": (1, 3)})
        assert chosen.ranges() == {
            "visits": (1, 3),
            "escalated": (1, 1),
            "message_count": (2, MAX_INTEGER),
        }
        assert SessionFilter().ranges() == {}
        assert SessionFilter(max_messages=0).ranges() == {"message_count": (0, 0)}

    @pytest.mark.parametrize(
        "fields",
        [
            {"min_messages": 3, "max_messages": 2},
            {"between": {"visits": (2, 1)}},
            {"min_messages": -1},
            {"user_id": ""},
            {"user": "ann"},
            {"created_after": "2024-02-01T00:00Z", "created_before": "2024-01-01T00:00Z"},
        ],
    )
    def test_what_cannot_be_is_refused(self, fields: dict[str, Any]) -> None:
        """A range that ends before it begins, a name that is unknown, a number below nothing."""
        with pytest.raises((ValidationError, InvalidSession)):
            SessionFilter.model_validate(fields)


def test_a_time_that_is_none_is_refused_in_a_filter() -> None:
    """It would look like no sessions; also one outside the years that there are."""
    for wrong in ("garbage", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"):
        with pytest.raises(ValidationError):
            SessionFilter.model_validate({"created_after": wrong})


def test_a_model_with_private_attributes_is_refused() -> None:
    """They would never be set on a snapshot; a `model_post_init` would never run."""
    with pytest.raises(TypeError, match="private"):
        type("Private", (Session,), {"__annotations__": {"_seen": int}, "_seen": PrivateAttr(0)})
