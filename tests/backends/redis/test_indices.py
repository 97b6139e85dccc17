"""An index in several parts is read as one, in a bounded number of rounds."""

from holdfast.backends.redis import parse
from holdfast.backends.redis.calling import Caller
from holdfast.backends.redis.indices import ROUNDS, Index, Part
from holdfast.backends.redis.scripts import script
from holdfast.backends.redis.single import Single
from tests.backends.redis.lines import count_calls
from tests.redis_servers import RedisServer

# What is asked of the part that lies behind: 3, and twice as much in each round.
PASSED_OVER = 3 * (2 ** (ROUNDS + 1) - 1) - 1


async def test_a_short_stretch_is_enough_once_there_is_one(redis_server: RedisServer) -> None:
    """Also where the rounds were spent on a crowd that began at the same moment."""
    crowd = [f"a{number:03}" for number in range(PASSED_OVER)]
    fill(redis_server, "behind", [*crowd, "n", *(f"q{number:03}" for number in range(300))])
    fill(redis_server, "ahead", [f"p{number:03}" for number in range(300)])
    page = script("page")
    async with Single(parse(redis_server.url())) as link:
        index = Index(Caller(link), [Part(0, (b"behind",), page), Part(0, (b"ahead",), page)])
        await index.stretch((4, ""), 1)
        before = count_calls(redis_server, "evalsha")
        stretch = await index.stretch((5, "m"), 1)
        assert (stretch.positions, stretch.ended) == ([(5, "n")], False)
        asked = count_calls(redis_server, "evalsha") - before
    assert asked == 1 + ROUNDS + 1, "one question to the part ahead, and no round too many"


def fill(server: RedisServer, name: str, ids: list[str]) -> None:
    """Name these ids in a sorted set, all at the same score."""
    server.ask("ZADD", name, *(word for one in ids for word in ("5", one)))
