"""What is remembered of a visitor's client."""

import pytest

from holdfast import Keyring
from holdfast.fingerprint import Fingerprints, browser, network, system

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:{0}.0) Gecko/20100101 Firefox/{0}.0"
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/{0}.0.0.0 Safari/537.36"
)
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1"
)
SAMSUNG = (
    "Mozilla/5.0 (Linux; Android 16; K) AppleWebKit/537.36 (KHTML, like Gecko) "
    "SamsungBrowser/30.0 Chrome/130.0.0.0 Mobile Safari/537.36"
)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("203.0.113.7", "203.0.113.0/24"),
        (" 203.0.113.255 ", "203.0.113.0/24"),
        ("::ffff:203.0.113.7", "203.0.113.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unknown", None),
        ("203.0.113.7:8080", None),
        ("", None),
        (None, None),
    ],
)
def test_an_address_counts_as_its_network(address: str | None, expected: str | None) -> None:
    """IPv4 counts as a /24, IPv6 as a /64; mapped addresses are IPv4, zones are dropped."""
    assert network(address) == expected


@pytest.mark.parametrize(
    ("agent", "family", "runs_on"),
    [
        (FIREFOX.format(140), "firefox", "linux"),
        (CHROME.format(140), "chrome", "windows"),
        (CHROME.format(140) + " Edg/140.0.0.0", "edge", "windows"),
        (CHROME.format(140) + " OPR/120.0.0.0", "opera", "windows"),
        (IPHONE, "safari", "ios"),
        (SAMSUNG, "samsung", "android"),
        ("curl/8.5.0", "curl", "other"),
        ("python-httpx2/2.1", "python-httpx2", "other"),
        ("\x00\x01", "other", "other"),
        ("   ", None, None),
        (None, None, None),
    ],
)
def test_a_browser_counts_as_its_family_and_its_system(
    agent: str | None, family: str | None, runs_on: str | None
) -> None:
    """Versions do not count."""
    assert browser(agent) == family
    assert system(agent) == runs_on


def test_an_update_of_the_browser_changes_nothing() -> None:
    """A new version, or another address of the same network, gives the same tags."""
    prints = Fingerprints(Keyring.generate())
    before = prints.of(ip_address="203.0.113.7", user_agent=FIREFOX.format(140))
    after = prints.of(ip_address="203.0.113.200", user_agent=FIREFOX.format(141))
    assert before == after


def test_each_part_has_a_tag_of_its_own() -> None:
    """What changed can be told: another network leaves the browser's tag as it was."""
    prints = Fingerprints(Keyring.generate())
    home = prints.of(ip_address="203.0.113.7", user_agent=FIREFOX.format(140))
    away = prints.of(ip_address="198.51.100.7", user_agent=FIREFOX.format(140))
    other = prints.of(ip_address="203.0.113.7", user_agent=CHROME.format(140))
    assert home is not None
    assert away is not None
    assert other is not None
    assert home.browser == away.browser != other.browser
    assert home.network == other.network != away.network
    assert home.system == away.system != other.system


def test_tags_hold_nothing_of_what_they_stand_for() -> None:
    """A tag is the key's id and 128 bits that differ from key to key and namespace to namespace."""
    keys = Keyring.generate("k1")
    given = {"ip_address": "203.0.113.7", "user_agent": CHROME.format(140)}
    made = [
        Fingerprints(keys).of(**given),
        Fingerprints(keys, namespace="other").of(**given),
        Fingerprints(Keyring.generate("k1")).of(**given),
    ]
    tags = {tag for one in made if one for tag in (one.network, one.browser, one.system) if tag}
    assert len(tags) == 9
    assert all(tag.startswith("k1.") and len(tag) == 35 for tag in tags)
    assert not any("203" in tag.lower() and "113" in tag for tag in tags)


def test_the_key_that_seals_makes_the_tags() -> None:
    """After a rotation new tags name the new key, so that old ones can be told apart."""
    old = Keyring.generate("k1")
    both = Keyring.from_text(f"{Keyring.generate('k2').to_text()},{old.to_text()}")
    made = Fingerprints(both).of(ip_address="203.0.113.7", user_agent=None)
    assert made is not None
    assert made.network is not None
    assert made.network.startswith("k2.")
    assert made.browser is None


def test_nothing_known_leaves_no_fingerprint() -> None:
    """A client that tells nothing has no fingerprint, not an empty one."""
    assert Fingerprints(Keyring.generate()).of(ip_address="x", user_agent=None) is None
