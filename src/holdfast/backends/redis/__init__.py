"""Sessions in Redis or Valkey: one node, Sentinel or Cluster."""

from holdfast.backends.redis.backend import RedisBackend
from holdfast.backends.redis.location import Location, parse

__all__ = ["Location", "RedisBackend", "parse"]
