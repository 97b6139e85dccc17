"""The OpenAPI document is true: whatever it lets one ask is answered as it says."""

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.schemas import APIOperation

from tests.server.serving import API_KEY, Served, served

KEY: Final = {"Authorization": f"Bearer {API_KEY}"}
# A password is hashed for each of these, which takes a quarter of a second.
SLOW: Final = ("/v1/auth/login", "/v1/auth/setup", "/v1/auth/password", "/v1/users")
UNUSUAL: Final = (
    HealthCheck.data_too_large,
    HealthCheck.filter_too_much,
    HealthCheck.large_base_example,
    HealthCheck.too_slow,
)
# It goes on until the caller leaves; tests/server read it.
ENDLESS: Final = "/v1/chat/sessions/{session_id}/stream"
# Who says nothing of waiting waits as long as this prober does, if an earlier case holds the lease.
LEASE: Final = "/v1/sessions/{session_id}/lease"

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::UserWarning:schemathesis")]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("openapi"), rate_limit="false") as service:
        yield service


class Prober:
    """Asks what cases say, of a session that is there for every second one of them."""

    def __init__(self, url: str, headers: dict[str, str], session: requests.Session) -> None:
        self.url = url
        self.headers = headers
        self.session = session
        self.session_id = ""
        self.asked = 0
        self.wrong: list[str] = []

    def begin(self) -> None:
        made = self.session.post(f"{self.url}/v1/sessions", json={}, headers=KEY)
        assert made.status_code == 201
        self.session_id = made.json()["session_id"]

    def ask(self, case: Case[Any]) -> None:
        self.asked += 1
        if "session_id" in case.path_parameters and self.asked % 2:
            case.path_parameters["session_id"] = self.session_id
        if case.path == LEASE and isinstance(case.body, dict):
            case.body["wait_seconds"] = 0
        answer = case.call(base_url=self.url, headers=self.headers, session=self.session)
        documented = case.operation.definition.raw["responses"]
        status = answer.status_code
        if str(status) not in documented or not _is_sound(status, answer.headers, answer.text):
            asked = f"{case.method} {case.path} {case.path_parameters} {case.query} {case.body!r}"
            self.wrong.append(f"{status} {asked[:300]}: {answer.text[:300]}")


def _is_sound(status: int, headers: Any, text: str) -> bool:
    """Say whether an answer is no failure, and a problem where it refuses something."""
    if status < 400:
        return True
    if status >= 500 and status != 503:
        return False
    kinds = headers["content-type"]
    return "application/problem+json" in kinds and json.loads(text)["status"] == status


def modes_of(operation: APIOperation[Any, Any, Any, Any]) -> Iterator[GenerationMode]:
    """Say what can be asked: what is allowed, and what is not where anything is said at all."""
    yield GenerationMode.POSITIVE
    if operation.body or operation.query or operation.path_parameters:
        yield GenerationMode.NEGATIVE


@pytest.mark.parametrize(("headers", "examples"), [({}, 2), (KEY, 8)], ids=["nobody", "key"])
def test_every_operation_answers_as_documented(
    service: Served, headers: dict[str, str], examples: int
) -> None:
    """No status beside the documented ones, none of them 500, each refusal a problem."""
    with requests.Session() as session:
        prober = Prober(service.url, headers, session)
        document = session.get(f"{service.url}/openapi.json").json()
        operations = [
            found.ok()
            for found in schemathesis.openapi.from_dict(document).get_all_operations()
            if isinstance(found, Ok)
        ]
        assert len(operations) > 40
        for operation in operations:
            if operation.path == ENDLESS:
                continue
            prober.begin()
            for mode in modes_of(operation):
                most = 2 if operation.path.startswith(SLOW) else examples
                probe(prober, operation, mode, most=most)
    assert prober.asked > 100
    assert not prober.wrong, "\n".join(prober.wrong)


def probe(
    prober: Prober, operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode, *, most: int
) -> None:
    @settings(
        max_examples=most, derandomize=True, database=None, deadline=None,
        phases=[Phase.generate], suppress_health_check=UNUSUAL,
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Case[Any]) -> None:
        prober.ask(case)

    ask()
