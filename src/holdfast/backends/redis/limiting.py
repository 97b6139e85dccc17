"""Rate limits: one number each, by the server's clock."""

from holdfast.backend import Allowance, Take
from holdfast.backends.redis.calling import Caller
from holdfast.backends.redis.keys import LIMIT, bucket_of, key
from holdfast.backends.redis.scripts import script


class Limiting:
    """Takes from limits."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def take(self, operation: Take) -> Allowance:
        """Take, or say when to come again."""
        name = operation.key.encode()
        bucket = bucket_of(name, self._caller.buckets)
        allowed, *rest = await self._caller.call_bucket(
            bucket,
            script("take"),
            (key(bucket, LIMIT, name),),
            (b"%d" % operation.interval, b"%d" % operation.burst, b"%d" % operation.cost),
        )
        return Allowance(bool(allowed), *rest)
