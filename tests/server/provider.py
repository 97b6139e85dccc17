"""A language model for services in processes of their own: slow, on purpose."""

import asyncio
import threading
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from tests.support.fake_openai import FakeOpenAI, Reply, serving, text


class _Same(deque[Reply]):
    """A script whose last reply is given again and again."""

    def popleft(self) -> Reply:
        return super().popleft() if len(self) > 1 else self[0]


class Provider:
    """Answers everybody alike; what it answers can be changed at any time."""

    def __init__(self, fake: FakeOpenAI) -> None:
        self._fake = fake
        self.says("Hello.")

    @property
    def settings(self) -> dict[str, Any]:
        return {
            "ai_provider": "compatible",
            "ai_base_url": self._fake.base_url,
            "ai_model": "fake-1",
            "ai_max_retries": "0",
        }

    @property
    def asked(self) -> int:
        return len(self._fake.requests)

    def says(self, content: str, *, between: float = 0.0) -> None:
        """Answer with this from now on, five characters at a time."""
        self._fake.script = _Same([text(content, between=between)])

    def fails(self, status: int = 500) -> None:
        self._fake.script = _Same([replace(text(""), status=status)])


@contextmanager
def provider() -> Generator[Provider]:
    """Serve on a thread of its own until the block ends."""
    started: list[tuple[FakeOpenAI, asyncio.AbstractEventLoop, asyncio.Event]] = []
    ready = threading.Event()

    async def serve() -> None:
        over = asyncio.Event()
        async with serving() as fake:
            started.append((fake, asyncio.get_running_loop(), over))
            ready.set()
            await over.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(20)
    fake, loop, over = started[0]
    try:
        yield Provider(fake)
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
