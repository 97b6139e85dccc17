"""What `holdfast serve` prints."""

import pytest

from holdfast import Keyring
from holdfast.cli.serve import offers_setup
from holdfast.server import Settings

KEYS = Keyring.generate().to_text()


@pytest.mark.parametrize(
    ("settings", "watched", "offered"),
    [
        ({}, False, True),
        ({"auth": "off"}, True, False),
        ({"environment": "production", "keys": KEYS}, False, False),
        ({"environment": "production", "keys": KEYS}, True, True),
    ],
)
def test_the_link_that_makes_an_admin_is_for_those_who_sit_before_it(
    settings: dict[str, str], *, watched: bool, offered: bool
) -> None:
    """Not for the logs of a service in production, nor where nobody signs in."""
    assert offers_setup(Settings.load(**settings), watched=watched) is offered
