"""URLs of stores in Redis and Valkey."""

import ssl
from pathlib import Path

import pytest

from holdfast.backends.redis.location import Address, Location, parse
from holdfast.errors import InvalidSession
from tests.certificates import Certificates


@pytest.mark.parametrize(
    ("url", "address", "database"),
    [
        ("redis://example.org", ("example.org", 6379), 0),
        ("redis://example.org/", ("example.org", 6379), 0),
        ("redis://10.0.0.1:7000/5", ("10.0.0.1", 7000), 5),
        ("valkey://redis_1.internal:1/0", ("redis_1.internal", 1), 0),
        ("rediss://[::1]:7000/2", ("::1", 7000), 2),
        ("valkeys://[fe80::1%25eth0]", ("fe80::1%eth0", 6379), 0),
        ("redis+unix:///run/redis.sock", ("/run/redis.sock", 0), 0),
        ("unix:///run/a%20b/redis%23.sock?db=3", ("/run/a b/redis#.sock", 0), 3),
        ("valkey+unix://u:p@/run/s@t.sock", ("/run/s@t.sock", 0), 0),
    ],
)
def test_a_node_is_found(url: str, address: tuple[str, int], database: int) -> None:
    location = parse(url)
    assert location.topology == "single"
    assert location.addresses == (address,)
    assert location.settings.database == database
    assert location.settings.tracking


@pytest.mark.parametrize("scheme", ["redis", "valkey"])
def test_sentinels_are_found(scheme: str) -> None:
    """Each has its own standard port; the primary has the database and the password."""
    location = parse(f"{scheme}+sentinel://u:p@h1:1,h2,[::1]:3/my%20primary/4?sentinel_password=s")
    assert location.topology == "sentinel"
    assert location.addresses == (("h1", 1), ("h2", 26379), ("::1", 3))
    assert location.primary == "my primary"
    settings, sentinel = location.settings, location.sentinel_settings
    assert (settings.user, settings.password, settings.database) == ("u", "p", 4)
    assert (sentinel.user, sentinel.password, sentinel.database) == ("", "s", 0)
    assert settings.tracking
    assert not sentinel.tracking


@pytest.mark.parametrize("scheme", ["redis", "valkey"])
def test_a_cluster_is_found(scheme: str) -> None:
    location = parse(f"{scheme}+cluster://h1,h2:7001/0?near_cache=10000&client_name=me")
    assert location.topology == "cluster"
    assert location.addresses == (("h1", 6379), ("h2", 7001))
    assert location.near_cache == 10_000
    assert location.settings.client_name == location.sentinel_settings.client_name == "me"


@pytest.mark.parametrize("suffix", ["://h", "+cluster://h", "+sentinel://h/primary"])
@pytest.mark.parametrize(("scheme", "secure"), [("redis", 0), ("rediss", 1), ("valkeys", 1)])
def test_an_s_means_tls(scheme: str, secure: int, suffix: str) -> None:
    """Verified, for nodes and Sentinels alike, as long as nobody says otherwise."""
    location = parse(scheme + suffix)
    for settings in (location.settings, location.sentinel_settings):
        assert bool(settings.tls) == bool(secure)
        if settings.tls:
            assert settings.tls.check_hostname
            assert settings.tls.verify_mode is ssl.CERT_REQUIRED


def test_verification_can_be_turned_off() -> None:
    tls = parse("rediss://h?verify=no").settings.tls
    assert tls is not None
    assert not tls.check_hostname
    assert tls.verify_mode is ssl.CERT_NONE


def test_certificates_are_read_at_once(certificates: Certificates) -> None:
    """What is wrong with them is told before anything is opened."""
    files = f"ca={certificates.authority}&cert={certificates.certificate}&key={certificates.key}"
    assert parse(f"rediss://h?{files}").settings.tls
    for name in ("ca", "cert", "key"):
        with pytest.raises(InvalidSession, match="cannot be used"):
            parse(f"rediss://h?{name}=/nowhere.pem")
    with pytest.raises(InvalidSession, match="cannot be used"):
        parse(f"rediss://h?ca={Path(__file__)}")


@pytest.mark.parametrize(
    ("login", "user", "password"),
    [
        ("", "", ""),
        ("u@", "u", ""),
        (":p@", "", "p"),
        ("u:p@", "u", "p"),
        ("u:p%40%2F%3A%25@", "u", "p@/:%"),
        ("u:a:b@c@", "u", "a:b@c"),
        ("%C3%BC:p+q@", "ü", "p+q"),
    ],
)
def test_logins_are_decoded(login: str, user: str, password: str) -> None:
    for url in (f"redis://{login}h", f"redis+unix://{login}/socket", f"redis+cluster://{login}h"):
        settings = parse(url).settings
        assert (settings.user, settings.password) == (user, password)


SECRET = "s3cret"


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("http://u:s3cret@h", "must begin with"),
        ("redis:u:s3cret@h", "must begin with"),
        ("redis://", "must name a host"),
        ("redis://u:s3cret@", "must name a host"),
        ("redis://u:s3cret@:6379", "must name a host"),
        ("redis://u:s3cret/x@h", "must name a host"),
        ("redis://u:s3cret@h:port", "must name a host"),
        ("redis://u:s3cret@h:0", "port from 1"),
        ("redis://u:s3cret@h:65536", "port from 1"),
        ("redis://u:s3cret@::1", "must name a host"),
        ("redis+cluster://u:s3cret@h1,,h2", "must name a host"),
        ("redis://u:s3cret@h1,h2", "several hosts"),
        ("redis://u:s3cret@h/name", "whole number"),
        ("redis://u:s3cret@h/-1", "whole number"),
        ("redis://u:s3cret@h/²", "whole number"),
        ("redis://u:s3cret@h/1/2", "must end with"),
        ("redis+cluster://u:s3cret@h/1", "must not have a database"),
        ("redis+sentinel://u:s3cret@h", "must name the primary"),
        ("redis+sentinel://u:s3cret@h//0", "must name the primary"),
        ("redis+sentinel://u:s3cret@h/name/0/1", "must end with"),
        ("redis+unix://u:s3cret@", "must name a socket"),
        ("redis+unix://relative/u:s3cret@path", "must name a socket"),
        ("unix:///socket?db=x&client_name=s3cret", "whole number"),
        ("redis://u:s3cret@h?db=1", "unknown setting 'db'"),
        ("redis://u:s3cret@h?ca=x", "unknown setting 'ca'"),
        ("redis://u:s3cret@h?sentinel_password=s3cret", "unknown setting 'sentinel_password'"),
        ("redis://u:s3cret@h?near_cache=all", "whole number"),
        ("redis://u:s3cret@h?near_cache=10000001", "at most 10000000"),
        ("redis://u:s3cret@h?near_cache=1&near_cache=2", "'near_cache' twice"),
        ("redis://u:s3cret@h?client_name=two%20words", "visible ASCII"),
        ("rediss://u:s3cret@h?verify=maybe", "verify=yes or verify=no"),
        ("rediss://u:s3cret@h?ca=", "must name a file as ca"),
        ("redis://u:?s3cret@h", "as %3F"),
        ("redis://u:?s3cret=x@h", "as %3F"),
        ("redis://u:s3cret#@h", "must not contain #"),
    ],
)
def test_what_is_no_url_is_refused(url: str, rule: str) -> None:
    """By a rule that says what to write instead, and never repeats a password."""
    with pytest.raises(InvalidSession, match=rule) as invalid:
        parse(url)
    assert invalid.value.field == "url"
    assert SECRET not in str(invalid.value)


@pytest.mark.parametrize(
    "url",
    [
        f"redis://u:{SECRET}@h/1",
        f"redis+unix://u:{SECRET}@/run/socket",
        f"redis+sentinel://u:{SECRET}@h1,h2/name?sentinel_password={SECRET}",
        f"rediss+cluster://u:{SECRET}@h1,h2",
    ],
)
def test_a_location_shows_no_password(url: str) -> None:
    location = parse(url)
    assert SECRET not in f"{location} {location!r} {location.settings}"
    assert location.settings.password == SECRET


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("redis://[::1]:7000/1", "Redis at [::1]:7000, database 1"),
        ("unix:///run/socket", "Redis at /run/socket, database 0"),
        ("redis+sentinel://h1,h2/name", "primary 'name' of the Sentinels at h1:26379,h2:26379"),
        ("redis+cluster://h1", "Redis Cluster at h1:6379"),
    ],
)
def test_a_location_says_what_it_is(url: str, text: str) -> None:
    assert text in str(parse(url))


def test_addresses_compare() -> None:
    location: Location = parse("redis://h:1")
    assert {Address("h", 1)} == set(location.addresses)
