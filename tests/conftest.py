"""What all tests share."""

from hypothesis import settings

settings.register_profile("holdfast", deadline=None, print_blob=True)
settings.load_profile("holdfast")

pytest_plugins = ["tests.redis_fixtures"]
