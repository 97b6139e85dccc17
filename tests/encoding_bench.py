"""A model of many kinds of field, and the way of its values to a backend and back."""

import secrets
from datetime import datetime
from typing import Any, Final, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from holdfast import Change, Counter, Flag, Session
from holdfast.backend import Apply, Create, Record
from holdfast.backends import rules
from holdfast.decoding import Decoder
from holdfast.encoding import Encoder
from holdfast.entropy import Entropy
from holdfast.keyring import Keyring
from holdfast.layout import Layout
from holdfast.sealing import Sealer

NOW: Final = 1_700_000_000_000_000
HOUR: Final = 3_600_000_000


class Point(NamedTuple):
    x: int
    y: float


class Address(BaseModel):
    model_config = ConfigDict(frozen=True)
    street: str
    tags: list[str] = Field(default_factory=list)


class Mine(Session):
    visits: Counter = Field(default=0, le=100)
    up: Flag = False
    topic: str | None = None
    size: int = 0
    ratio: float = 0.0
    when: datetime | None = None
    words: tuple[str, ...] = ()
    kinds: frozenset[str] = frozenset()
    point: Point | None = None
    home: Address | None = None
    anything: Any = None


class Bench:
    """A model's encoder and decoder under one keyring, with the rules of a backend between."""

    def __init__(self, model: type[Session] = Mine, keyring: Keyring | None = None) -> None:
        entropy = Entropy()
        layout = Layout.of(model)
        keys = keyring or Keyring.generate()
        self.sealer = Sealer(keys, namespace="ns", entropy=entropy)
        self.encoder = Encoder(layout, self.sealer, entropy=entropy)
        self.decoder = Decoder(model, layout, self.sealer)

    def create(self, user_id: str | None = None, /, **state: Any) -> Record:
        made = self.encoder.initial("alpha", user_id, state)
        incarnation = secrets.token_hex(8)
        return rules.create(
            Create("ns/alpha", incarnation, HOUR, HOUR, made.user_tag, made.integers, made.values),
            now=NOW,
        )

    def change(self, **parts: Any) -> Apply:
        return self.encoder.change("ns/alpha", "alpha", Change(**parts))

    def changed(self, record: Record, **parts: Any) -> Record:
        operation = self.change(**parts)
        assert rules.refuse(record, operation) is None
        return rules.apply(record, operation, now=NOW)[0]

    def read(self, record: Record) -> Any:
        return self.decoder.session("alpha", record)
