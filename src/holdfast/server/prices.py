"""What models take, as an operator writes it: micro-units for 1,000 tokens read and written.

gpt-4o-mini=150/600, gpt-4o=2500/10000
{"gpt-4o-mini": {"input": 150, "output": 600}}
"""

import re
from collections.abc import Mapping
from typing import Any, Final, cast

from holdfast.server.spelling import read_mapping
from holdfast.support import Price

# With it a call of the longest answer still costs an integer that every store can add.
DEAREST: Final = 10**9
_PAIR: Final = re.compile(r"(\d{1,10})/(\d{1,10})", re.ASCII)


def read_prices(value: Any) -> Any:
    """Read a mapping of models to prices; what is none is left for whoever checks it."""
    prices = read_mapping(value)
    if not isinstance(prices, Mapping):
        return prices
    written = cast("Mapping[str, Any]", prices)
    return {model: _price(model, price) for model, price in written.items()}


def _price(model: Any, written: Any) -> Price:
    """Read one price.

    Raises:
        ValueError: it is none; the text names the model alone.
    """
    if isinstance(written, Mapping):
        amounts = cast("Mapping[str, Any]", written)
        pair = [amounts.get(name) for name in Price._fields]
        known = amounts.keys() <= set(Price._fields)
    else:
        match = _PAIR.fullmatch(str(written).replace(" ", ""))
        pair, known = [int(amount) for amount in match.groups()] if match else [], True
    if len(pair) != len(Price._fields) or not known or not all(map(_is_amount, pair)):
        rule = "write model=input/output, whole micro-units for 1,000 tokens, at most 1,000,000,000"
        raise ValueError(f"the price of {model!r} cannot be read: {rule}")
    return Price(*cast("list[int]", pair))


def _is_amount(amount: Any) -> bool:
    return type(amount) is int and 0 <= amount <= DEAREST
