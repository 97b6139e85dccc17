"""Access tokens: one form, one key ring, one service; worth what the login behind them is."""

import base64
import json
import warnings
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

import jwt
import pytest

from holdfast import InvalidKeyring, Keyring
from holdfast.server.auth.access_tokens import CLAIMS, LEEWAY_SECONDS, AccessTokens
from holdfast.server.auth.login import Login, new_login_id
from holdfast.server.auth.refresh_tokens import RefreshTokens
from holdfast.server.settings import InvalidSettings, Settings
from tests.security.processes import KEYS
from tests.security.sign_in import NAMESPACE, Ahead
from tests.security.signed_in import SignedIn

Change = Callable[[dict[str, Any]], object]
LOGIN: Final = Login(session_id=new_login_id(), user_id="user-of-anna", name="anna")


@pytest.fixture
def ahead() -> Ahead:
    return Ahead()


@pytest.fixture
def tokens(ahead: Ahead) -> AccessTokens:
    return AccessTokens(KEYS, namespace=NAMESPACE, clock=ahead.clock)


def issued(tokens: AccessTokens, *, lasts: float = 3600) -> str:
    return tokens.issue(LOGIN, ends=LOGIN.created_at + timedelta(seconds=lasts))[0]


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def signed(token: str, *, header: Change = len, claims: Change = len, key: bytes = b"") -> str:
    """Make a token anew with other headers or claims, under the right key."""
    headers, content = jwt.get_unverified_header(token), claims_of(token)
    header(headers)
    claims(content)
    key = key or KEYS.primary.derive("access-token", NAMESPACE)
    return jwt.encode(content, key, algorithm="HS256", headers=headers)


def written(header: dict[str, Any], claims: dict[str, Any], signature: str = "") -> str:
    """Write a token by hand, as no library would."""
    parts = (base64.urlsafe_b64encode(json.dumps(part).encode()) for part in (header, claims))
    return ".".join([*(part.rstrip(b"=").decode() for part in parts), signature])


def test_a_token_names_its_login(tokens: AccessTokens) -> None:
    """What was issued is read; what was signed anew without a change as well."""
    token = issued(tokens)
    claims = tokens.read(token)
    assert claims == (LOGIN.user_id, LOGIN.session_id)
    assert tokens.read(signed(token)) == claims


def test_security_017_exactly_one_algorithm(tokens: AccessTokens) -> None:
    """No other, none at all, another spelling, or a header that asks for more."""
    token = issued(tokens)
    header, claims = jwt.get_unverified_header(token), claims_of(token)
    signature = token.rpartition(".")[2]
    for name in ("none", "None", "hs256", "HS512", "RS256", "ES256"):
        assert tokens.read(written({**header, "alg": name}, claims, signature)) is None
        assert tokens.read(written({**header, "alg": name}, claims)) is None
    key = KEYS.primary.derive("access-token", NAMESPACE) * 2
    other = jwt.encode(claims, key[:64], algorithm="HS512", headers={**header, "alg": "HS512"})
    assert tokens.read(other) is None
    for extra in ({"crit": ["exp"]}, {"crit": ["x"], "x": 1}, {"b64": False}, {"cty": "JWT"}):
        assert tokens.read(signed(token, header=lambda given, e=extra: given.update(e))) is None  # type: ignore[misc]


@pytest.mark.parametrize("name", CLAIMS)
def test_security_018_each_claim_is_needed(tokens: AccessTokens, name: str) -> None:
    """A token without one of them is none, nor is one whose claim has another type."""
    token = issued(tokens)
    assert tokens.read(signed(token, claims=lambda claims: claims.pop(name))) is None
    wrong: tuple[Any, ...] = (None, [], {}, True, "", 7.5, [claims_of(token)[name]])
    for value in wrong:
        made = _signed_with(token, name, value)
        assert made is None or tokens.read(made) is None


def _signed_with(token: str, name: str, value: Any) -> str | None:
    """Sign a token with a claim of another type; None where the library refuses to."""
    try:
        return signed(token, claims=lambda claims: claims.update({name: value}))
    except TypeError:
        return None


def test_security_019_only_access_tokens_are(tokens: AccessTokens) -> None:
    """Another type of token, a refresh token, and one under the key of another purpose are not."""
    token = issued(tokens)
    for kind in ("JWT", "AT+JWT", "at+jwt ", "application/at+jwt", "refresh+jwt", "", None):
        assert tokens.read(signed(token, header=lambda given, k=kind: given.update(typ=k))) is None  # type: ignore[misc]
    assert tokens.read(signed(token, header=lambda header: header.pop("typ"))) is None
    assert tokens.read(RefreshTokens(KEYS, namespace=NAMESPACE).issue(LOGIN.session_id, 0)) is None
    for purpose in ("refresh-token", "csrf", "rotation", "fingerprint", "device cookie"):
        other = signed(token, key=KEYS.primary.derive(purpose, NAMESPACE))
        assert tokens.read(other) is None


def test_security_020_other_services_tokens_are_refused(tokens: AccessTokens) -> None:
    """One of another issuer or another audience, though the key be the same."""
    token = issued(tokens)
    for elsewhere in (
        AccessTokens(KEYS, namespace=NAMESPACE, issuer="staging"),
        AccessTokens(KEYS, namespace="staging"),
    ):
        assert tokens.read(issued(elsewhere)) is None
        assert elsewhere.read(token) is None
    for name in ("iss", "aud"):
        for value in ("staging", ["staging", claims_of(token)["aud"]], "holdfast/defaul"):
            made = _signed_with(token, name, value)
            assert made is None or tokens.read(made) is None


@pytest.mark.parametrize(
    "keys",
    [
        "k1:c2hvcnQ=",
        "k1:" + base64.b64encode(b"correct horse battery staple").decode(),
        "k1:" + base64.b64encode(b"a" * 32).decode(),
        "k1:" + base64.b64encode(bytes(32)).decode(),
        "a passphrase of many more characters than thirty-two",
    ],
)
def test_security_021_a_weak_key_stops_the_start(keys: str) -> None:
    """Short, a passphrase, or no random bytes: the settings name it, without repeating it."""
    with pytest.raises(InvalidSettings, match="HOLDFAST_KEYS") as refused:
        Settings.load(keys=keys)
    assert keys not in str(refused.value)
    with pytest.raises(InvalidKeyring):
        Keyring.from_text(keys)


def test_security_021_signing_keys_are_derived(tokens: AccessTokens) -> None:
    """Whatever signs has 32 bytes, and is no root key; the library has nothing to warn of."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        token = issued(tokens)
    assert len(KEYS.primary.derive("access-token", NAMESPACE)) == 32
    root = base64.urlsafe_b64decode(KEYS.to_text().partition(":")[2])
    assert tokens.read(signed(token, key=root)) is None


def test_security_022_a_key_comes_from_the_ring_alone(
    tokens: AccessTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unknown id is refused; addresses and keys in a header are, and nobody is asked."""

    def connect(*_: object, **__: object) -> None:
        raise AssertionError("a token made the service connect")

    monkeypatch.setattr("socket.socket.connect", connect)
    monkeypatch.setattr("socket.getaddrinfo", connect)
    token = issued(tokens)
    for kid in ("unknown", "", "../../dev/null", None, 7):
        header = {**jwt.get_unverified_header(token), "kid": kid}
        assert tokens.read(written(header, claims_of(token), token.rpartition(".")[2])) is None
    assert tokens.read(signed(token, header=lambda header: header.pop("kid"))) is None
    jwk = {"kty": "oct", "k": "c2VjcmV0"}
    for extra in (
        {"jku": "http://127.0.0.1:9/keys"},
        {"x5u": "http://127.0.0.1:9/cert"},
        {"jwk": jwk},
        {"x5c": ["MII"]},
    ):
        assert tokens.read(signed(token, header=lambda given, e=extra: given.update(e))) is None  # type: ignore[misc]


def test_security_023_keys_are_exchanged_under_tokens_in_use(ahead: Ahead) -> None:
    """An old token is good until its key is gone; new ones name the new key."""
    both = Keyring.from_text(f"{Keyring.generate('new').to_text()},{KEYS.to_text()}")
    new = Keyring.from_text(both.to_text().partition(",")[0])
    old, rotated, without = (
        AccessTokens(keys, namespace=NAMESPACE, clock=ahead.clock) for keys in (KEYS, both, new)
    )
    before, after = issued(old), issued(rotated)
    assert jwt.get_unverified_header(after)["kid"] == "new"
    assert rotated.read(before) is not None
    assert rotated.read(after) is not None
    assert without.read(before) is None
    assert without.read(after) is not None


async def test_security_024_a_revoked_login_ends_its_tokens_at_once(signed_in: SignedIn) -> None:
    """The very next request is refused, wherever the login was ended."""
    one, other = await signed_in.begin("anna"), await signed_in.begin("anna")
    assert await signed_in.knows(one)
    await signed_in.parts.logins.end(one.handle)
    assert not await signed_in.knows(one)
    assert await signed_in.knows(other)


async def test_security_025_a_revoked_token_has_no_second_spelling(signed_in: SignedIn) -> None:
    """What is revoked is the login, not a text that stands for it."""
    device = await signed_in.begin("anna")
    await signed_in.parts.logins.end(device.handle)
    for ending in ("", "=", "==", " "):
        headers = {"Authorization": device.headers["Authorization"] + ending}
        answer = await signed_in.client.get("/v1/auth/me", headers=headers)
        assert answer.status_code == 401


def test_security_026_a_token_ends_with_its_login_at_the_latest(
    tokens: AccessTokens, ahead: Ahead
) -> None:
    """It lasts five minutes or a little less, never longer than the sign-in, to the second."""
    now = ahead.clock.wall() // 1_000_000
    ends = {claims_of(issued(tokens))["exp"] - now for _ in range(200)}
    assert 285 <= min(ends) <= max(ends) <= 300
    assert len(ends) > 5
    ahead.reach(LOGIN.created_at)
    short = issued(tokens, lasts=60)
    assert claims_of(short)["exp"] == int((LOGIN.created_at + timedelta(seconds=60)).timestamp())
    ahead.seconds += 58
    assert tokens.read(short) is not None
    ahead.seconds += 2
    assert tokens.read(short) is None
    assert LEEWAY_SECONDS <= 30


def test_security_026_a_token_of_the_future_is_none(tokens: AccessTokens, ahead: Ahead) -> None:
    """Clocks may differ by a few seconds, and no more."""
    ahead.seconds = LEEWAY_SECONDS - 1
    early = issued(tokens)
    ahead.seconds += 60
    late = issued(tokens)
    ahead.seconds = 0
    assert tokens.read(early) is not None
    assert tokens.read(late) is None


async def test_security_027_a_token_tells_nothing_about_its_user(signed_in: SignedIn) -> None:
    """Ids and times, and nothing else; its name opens nothing."""
    device = await signed_in.begin("anna")
    claims = claims_of(device.headers["Authorization"].removeprefix("Bearer "))
    assert set(claims) == set(CLAIMS)
    user = await signed_in.user("anna")
    assert (claims["sub"], claims["sid"]) == (user.user_id, device.handle)
    assert "anna" not in json.dumps(claims)
    for headers in (
        {"Authorization": f"Bearer {claims['sid']}"},
        {"Authorization": f"Bearer {claims['jti']}"},
        {"Cookie": f"__Host-hf_session={claims['sid']}.{claims['jti']}"},
    ):
        answer = await signed_in.client.get("/v1/auth/me", headers=headers)
        assert answer.status_code == 401


async def test_a_token_of_another_user_s_login_is_none(signed_in: SignedIn) -> None:
    """The login has to be the user's whom the token names."""
    device, user = await signed_in.begin("anna"), await signed_in.user("ben")
    parts = signed_in.parts
    login = await parts.logins.get(device.handle)
    assert login is not None
    stolen = login.model_copy(update={"user_id": user.user_id})
    token, _ = parts.access_tokens.issue(stolen, ends=parts.logins.ends(login))
    headers = {"Authorization": f"Bearer {token}"}
    assert (await signed_in.client.get("/v1/auth/me", headers=headers)).status_code == 401
