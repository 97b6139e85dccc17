import os

import pytest

from benchmarks import http_part
from benchmarks.measuring import Scale
from benchmarks.serving import Load, ServerFailed, free_port, put_load, serving

BODY = '{"set": {"topic": "refund"}, "add": {"message_count": 1}}'


@pytest.mark.slow
async def test_load_is_answered_and_counted() -> None:
    """The bare route answers every request that the client counts."""
    port = free_port()
    load = Load("PATCH", ["/v1/sessions/a", "/v1/sessions/b"], BODY, key="unused")
    arguments = ("benchmarks.bare_service", "--port", str(port))
    async with serving(*arguments, port=port, environment=os.environ):
        work = await put_load(load, port=port, seconds=0.2)
        with pytest.raises(ServerFailed, match="422"):
            await put_load(load._replace(body='{"unknown": 1}'), port=port, seconds=0.2)
    assert work.operations > 32
    assert work.seconds >= 0.2


async def test_a_server_that_does_not_start_says_why() -> None:
    """A port is not waited for when the process has ended."""
    port = free_port()
    with pytest.raises(ServerFailed, match="unrecognized arguments: --unknown"):
        async with serving(
            "benchmarks.bare_service", "--unknown", "--port", "1", port=port, environment=os.environ
        ):
            pass


@pytest.mark.slow
async def test_the_service_is_compared_with_the_bare_route() -> None:
    """Both servers answer the same load, with an API key, in one run."""
    (measured,) = await http_part.compare(Scale(rounds=1, seconds=0.1))
    assert measured.ratio > 0
    assert str(measured.target) == "≥ 0.5x"
