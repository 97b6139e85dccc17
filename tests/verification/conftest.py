"""What the tests of verification share."""

import pytest

from holdfast.verification import watching


@pytest.fixture(autouse=True)
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait a second for a watch instead of six, where a test watches in its own process."""
    monkeypatch.setattr(watching, "PATIENCE", 10)
