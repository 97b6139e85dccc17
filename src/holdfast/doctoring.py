"""From a URL to what a look at the store finds."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from holdfast.backends.sqlite.examining import examine as examine_file
from holdfast.diagnosis import Finding
from holdfast.errors import InvalidStore, StoreUnavailable


async def examine(url: str) -> list[Finding]:
    """Look at a store, without keys; nothing of it is changed.

    Raises:
        InvalidSession: the URL names no known store.
    """
    scheme = urlsplit(url).scheme
    match scheme:
        case "memory":
            says = "sessions live in the process and end with it: there is nothing to look at"
            return [Finding("ok", "memory", says)]
        case "sqlite":
            return examine_file(Path(unquote(urlsplit(url).path[1:])))
        case _:
            return await _examine_redis(url)


async def _examine_redis(url: str) -> list[Finding]:
    from holdfast.backends.redis.examining import examine as examine_servers
    from holdfast.backends.redis.linking import link_to
    from holdfast.backends.redis.location import parse
    from holdfast.backends.redis.node import DEAF

    location = parse(url)
    try:
        async with link_to(location, hearing=DEAF) as link:
            opened = Finding("ok", "connection", str(location))
            return [opened, *await examine_servers(link, location)]
    except InvalidStore as exc:
        return [Finding("fail", "connection", exc.reason, "")]
    except StoreUnavailable as exc:
        return [Finding("fail", "connection", exc.reason, "See that the server is up.")]
