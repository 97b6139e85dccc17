"""From a URL to what a look at the store finds."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from holdfast.backends.sqlite.examining import examine as examine_file
from holdfast.diagnosis import Finding
from holdfast.errors import InvalidSession


async def examine(url: str) -> list[Finding]:
    """Look at a store, without keys; no session is written.

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
    try:
        from holdfast.backends.redis.examining import examine_location
    except ModuleNotFoundError as exc:
        if exc.name != "hiredis":
            raise
        raise InvalidSession("url", 'needs a driver: pip install "holdfast[redis]"') from exc
    return await examine_location(url)
