"""How values are written in the environment."""

import json
import re
from ipaddress import ip_network
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import SecretStr

from holdfast.errors import InvalidSession
from holdfast.keyring import Keyring
from holdfast.server.database.location import database_file
from holdfast.support import EscalationPolicy

_ORIGIN: Final = re.compile(r"https?://[^/\s?#*@]+")


def read_list(value: Any) -> Any:
    """Read a list from JSON or from text with commas; what is no text stays as it is."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if text.startswith("["):
        return _read_json(text)
    return [entry.strip() for entry in text.split(",") if entry.strip()]


def read_mapping(value: Any) -> Any:
    """Read a mapping from JSON or from `name=value` pairs with commas."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if text.startswith("{"):
        return _read_json(text)
    pairs = (pair.partition("=") for pair in text.split(",") if pair.strip())
    return {name.strip(): worth.strip() for name, _, worth in pairs}


def check_origin(origin: str) -> str:
    """Give a web origin back when it is exactly one: `https://shop.example`, with a port if any."""
    if origin == "*":
        raise ValueError("must name its origins: browsers send the visitor's cookie along")
    if not _ORIGIN.fullmatch(origin) or not urlsplit(origin).hostname:
        raise ValueError(f"{origin!r} is no origin: write https://host or http://host:port")
    return origin.lower()


def check_network(network: str) -> str:
    """Give a network back as its CIDR block; `*` is everybody."""
    try:
        return network if network == "*" else str(ip_network(network))
    except ValueError as exc:
        raise ValueError(f"{network!r} is no network: write 10.0.0.0/8 or 192.0.2.7") from exc


def check_http_url(url: str) -> str:
    """Give the address of an endpoint back; it may hold a secret, so it is not repeated."""
    try:
        parts = urlsplit(url)
        sound = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        sound = False
    if not sound or re.search(r"\s", url):
        raise ValueError("must be an address like https://host/v1 or http://host:port/v1")
    return url


def check_database_url(url: str) -> str:
    """Give the URL of the application database back; it may hold a password."""
    database_file(url)
    return url


def check_weights(weights: dict[str, float]) -> dict[str, float]:
    """Give keywords back when an escalation policy takes them."""
    try:
        EscalationPolicy(keywords=weights)
    except InvalidSession as exc:
        raise ValueError(exc.rule) from exc
    return weights


def check_keys(text: SecretStr) -> SecretStr:
    """Give keys back when they make a keyring; what is wrong with them names no key material."""
    Keyring.from_text(text.get_secret_value())
    return text


def _read_json(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as exc:
        raise ValueError(f"is not JSON ({exc.msg})") from exc
