"""Checklist G: what a change of client means, and what is stored of a client."""

import json
import logging
from itertools import combinations
from pathlib import Path

import httpx2
import pytest
from websockets.asyncio.client import connect

from holdfast import Fingerprint, Keyring
from holdfast.fingerprint import PARTS, Action, Client, Fingerprints, Mode, Part, judge, network
from tests.server.conftest import Opening
from tests.server.serving import served
from tests.server.talking import begun, ending, tab

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:{0}.0) Gecko/20100101 Firefox/{0}.0"
CHROME = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36"
)
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
WINDOWS_CHROME = CHROME.replace("X11; Linux x86_64", "Windows NT 10.0; Win64; x64")
HOME = Client("203.0.113.7", FIREFOX.format(140))
AWAY = "198.51.100.7"

CHANGES: dict[str, tuple[Client, tuple[Part, ...], Action]] = {
    "nothing": (HOME, (), "kept"),
    "another address of the network": (Client("203.0.113.99", HOME.user_agent), (), "kept"),
    "the address, mapped into IPv6": (Client("::ffff:203.0.113.7", HOME.user_agent), (), "kept"),
    "a newer browser": (Client(HOME.ip_address, FIREFOX.format(141)), (), "kept"),
    "another network": (Client(AWAY, HOME.user_agent), ("network",), "kept"),
    "another network, a newer browser": (
        Client("2001:db8::1", FIREFOX.format(141)),
        ("network",),
        "kept",
    ),
    "another browser": (Client(HOME.ip_address, CHROME), ("browser",), "step_up"),
    "another system": (Client(HOME.ip_address, WINDOWS), ("system",), "step_up"),
    "another browser and system": (
        Client(HOME.ip_address, WINDOWS_CHROME),
        ("browser", "system"),
        "step_up",
    ),
    "another network and browser": (Client(AWAY, CHROME), ("network", "browser"), "revoke"),
    "another network and system": (Client(AWAY, WINDOWS), ("network", "system"), "revoke"),
    "everything": (Client(AWAY, WINDOWS_CHROME), ("network", "browser", "system"), "revoke"),
    "no address told": (Client(None, HOME.user_agent), ("network",), "kept"),
    "no browser told": (Client(HOME.ip_address, None), ("browser", "system"), "step_up"),
    "nothing told": (Client(), ("network", "browser", "system"), "revoke"),
}


def stored(prints: Fingerprints, client: Client = HOME) -> Fingerprint:
    """Give what is stored of a client."""
    fingerprint = prints.of(ip_address=client.ip_address, user_agent=client.user_agent)
    assert fingerprint is not None
    return fingerprint


def test_security_063_tags_are_keyed() -> None:
    """Another key changes every tag, and no tag holds what it stands for."""
    first, second = (
        stored(Fingerprints(Keyring.generate("k"))).model_dump().values() for _ in range(2)
    )
    assert not set(first) & set(second)
    written = " ".join(map(str, (*first, *second)))
    assert not any(part in written.lower() for part in ("203.0", "113.7", "firefox", "linux"))


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("203.0.113.7", "203.0.113.0/24"),
        ("203.0.113.255", "203.0.113.0/24"),
        ("::ffff:203.0.113.7", "203.0.113.0/24"),
        ("::FFFF:CB00:7107", "203.0.113.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::ffff", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("fe80::1%2", "fe80::/64"),
        ("203.0.113.7:8080", None),
        ("203.0.113", None),
        ("localhost", None),
        ("", None),
        (None, None),
    ],
)
def test_security_064_an_address_counts_as_its_network(
    address: str | None, expected: str | None
) -> None:
    """IPv4 as a /24, IPv6 as a /64; mapped addresses are IPv4, zones do not count."""
    assert network(address) == expected


@pytest.mark.parametrize("change", CHANGES)
def test_security_065_soft_mode(change: str) -> None:
    """Another network keeps, another browser or system steps up, both revoke; each is named."""
    now, changed, action = CHANGES[change]
    prints = Fingerprints(Keyring.generate())
    verdict = prints.compare(stored(prints), now, "soft")
    assert (verdict.action, verdict.changed) == (action, changed)


@pytest.mark.parametrize("change", CHANGES)
def test_security_066_strict_mode(change: str) -> None:
    """Any change asks for a new sign-in, and names what changed; a version is no change."""
    now, changed, _ = CHANGES[change]
    prints = Fingerprints(Keyring.generate())
    verdict = prints.compare(stored(prints), now, "strict")
    assert verdict.changed == changed
    assert verdict.action == ("reauth_required" if changed else "kept")


@pytest.mark.parametrize("change", CHANGES)
def test_off_compares_nothing(change: str) -> None:
    """Whatever changed, the session is kept and nothing is to be stored."""
    prints = Fingerprints(Keyring.generate())
    assert prints.compare(stored(prints), CHANGES[change][0], "off") == ("kept", (), None)


def test_every_set_of_changes_has_one_action() -> None:
    """The table is whole: each of the eight sets of changed parts, in each mode."""
    sizes = range(len(PARTS) + 1)
    sets = [chosen for size in sizes for chosen in combinations(PARTS, size)]
    answers = {
        mode: [judge(changed, mode) for changed in sets] for mode in ("off", "soft", "strict")
    }
    assert answers["off"] == ["kept"] * 8
    assert answers["strict"] == ["kept", *["reauth_required"] * 7]
    # Nothing; network, browser, system; the three pairs; all of them.
    kept, step_up, revoke = "kept", "step_up", "revoke"
    assert answers["soft"] == [
        *(kept, kept, step_up, step_up),
        *(revoke, revoke, step_up, revoke),
    ]


@pytest.mark.parametrize("mode", ["soft", "strict"])
def test_a_session_without_a_fingerprint_passes(mode: Mode) -> None:
    """It gets the one of the client that uses it first; a part that was unknown is added."""
    prints = Fingerprints(Keyring.generate())
    assert prints.compare(None, HOME, mode) == ("kept", (), stored(prints))
    partly = stored(prints, Client(HOME.ip_address, None))
    assert prints.compare(partly, HOME, mode) == ("kept", (), stored(prints))


@pytest.mark.parametrize("change", CHANGES)
def test_tags_are_compared_after_a_rotation(change: str) -> None:
    """A tag under an older key means what it meant, and is renewed where the session is kept."""
    now, changed, action = CHANGES[change]
    old = Keyring.generate("old")
    before = stored(Fingerprints(old))
    prints = Fingerprints(Keyring.from_text(f"{Keyring.generate('new').to_text()},{old.to_text()}"))
    verdict = prints.compare(before, now, "soft")
    assert (verdict.action, verdict.changed) == (action, changed)
    if action == "kept":
        assert verdict.renewed == prints.of(ip_address=now.ip_address, user_agent=now.user_agent)
    else:
        assert verdict.renewed is None


def test_a_tag_under_a_retired_key_is_no_proof_of_anything() -> None:
    """Soft mode starts again with the client of now; strict mode takes it for a change."""
    prints = Fingerprints(Keyring.generate("new"))
    before = stored(Fingerprints(Keyring.generate("old")))
    assert prints.compare(before, HOME, "soft") == ("kept", (), stored(prints))
    verdict = prints.compare(before, HOME, "strict")
    assert verdict == ("reauth_required", PARTS, None)


def test_what_is_no_tag_is_a_change() -> None:
    """Whatever was stored in the place of a tag of a known key, nobody passes for it."""
    prints = Fingerprints(Keyring.generate("k"))
    forged = Fingerprint(network="k.é", browser="k.", system="k." + "0" * 32)
    assert prints.compare(forged, HOME, "soft") == ("revoke", PARTS, None)


AGENT = "User-Agent"
FROM = "X-Forwarded-For"


async def conversation(client: httpx2.AsyncClient, **headers: str) -> tuple[str, dict[str, str]]:
    """Begin a conversation at home, and say something, which sets its fingerprint."""
    own = {AGENT: str(HOME.user_agent), FROM: str(HOME.ip_address), **headers}
    begun = (await client.post("/v1/chat/sessions", json={}, headers=own)).json()
    own["Authorization"] = f"Bearer {begun['session_secret']}"
    path = f"/v1/chat/sessions/{begun['session_id']}/messages"
    assert (await client.post(path, json={"message": "Hello"}, headers=own)).status_code == 200
    return path, own


async def answers(
    client: httpx2.AsyncClient, path: str, headers: dict[str, str], now: Client
) -> list[tuple[int, str]]:
    """Read and write as another client, with the secret of the conversation."""
    as_now = {**headers, AGENT: now.user_agent or "", FROM: now.ip_address or ""}
    read = await client.get(path, headers=as_now)
    written = await client.post(path, json={"message": "Hello"}, headers=as_now)
    return [(answer.status_code, answer.json().get("code", "")) for answer in (read, written)]


PASSES = [(200, ""), (200, "")]
REFUSED = [(403, "FINGERPRINT_MISMATCH")] * 2


@pytest.mark.parametrize("mode", ["off", "soft", "strict"])
async def test_security_065_066_conversations_are_held_to_their_client(
    opening: Opening, mode: Mode, caplog: pytest.LogCaptureFixture
) -> None:
    """Soft refuses who has neither network nor browser, strict any change, off nobody."""
    caplog.set_level(logging.INFO, "holdfast.server.audit")
    network_away, all_away = Client(AWAY, HOME.user_agent), Client(AWAY, CHROME)
    async with opening(fingerprinting=mode, trusted_proxies="127.0.0.1", headers={}) as client:
        path, headers = await conversation(client)
        assert (
            await answers(client, path, headers, Client("203.0.113.9", FIREFOX.format(150)))
            == PASSES
        )
        caplog.clear()
        expected = REFUSED if mode != "off" else PASSES
        assert await answers(client, path, headers, all_away) == expected
        told = [record.message for record in caplog.records if "fingerprint" in record.message]
        assert told == (["fingerprint.mismatch"] * 2 if mode != "off" else [])
        caplog.clear()
        expected = REFUSED if mode == "strict" else PASSES
        assert await answers(client, path, headers, network_away) == expected
        told = [record.message for record in caplog.records if "fingerprint" in record.message]
        assert (
            told
            == {
                "off": [],
                "soft": ["fingerprint.changed"],
                "strict": ["fingerprint.mismatch"] * 2,
            }[mode]
        )
        assert await answers(client, path, headers, HOME) == PASSES


async def test_the_network_that_was_kept_is_the_one_from_then_on(opening: Opening) -> None:
    """Whoever has moved on, and changes the browser there, is asked nothing: one thing changed."""
    async with opening(fingerprinting="soft", trusted_proxies="127.0.0.1", headers={}) as client:
        path, headers = await conversation(client)
        for now in (Client(AWAY, HOME.user_agent), Client(AWAY, CHROME)):
            assert await answers(client, path, headers, now) == PASSES


async def test_security_066_a_socket_is_held_to_its_client(tmp_path: Path) -> None:
    """Another browser with the secret of the conversation is turned away, with a code."""
    with served(tmp_path, fingerprinting="strict") as service:
        chat = await begun(service.url)
        headers = {**chat.headers, AGENT: str(HOME.user_agent)}
        async with httpx2.AsyncClient(base_url=f"{chat.path}/", headers=headers) as client:
            said = await client.post("messages", json={"message": "Hello"}, timeout=60)
            assert said.status_code == 200
        async with tab(chat, user_agent_header=HOME.user_agent) as own:
            assert own.welcome["type"] == "welcome"
        async with connect(chat.address, compression=None, user_agent_header=CHROME) as other:
            await other.send(json.dumps(chat.hello()))
            assert await ending(other) == 4403
