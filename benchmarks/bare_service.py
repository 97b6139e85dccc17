"""A route that does nothing but read the same body and answer in the same form.

    python -m benchmarks.bare_service --port 8001

One uvicorn worker, with the event loop and the HTTP parser that `holdfast serve` has.
"""

import argparse

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field, JsonValue

app = FastAPI()


class ChangeIn(BaseModel):
    """The body of `PATCH /v1/sessions/{id}`."""

    model_config = ConfigDict(extra="forbid")

    set: dict[str, JsonValue] = Field(default_factory=dict)
    unset: list[str] = Field(default_factory=list)
    add: dict[str, int] = Field(default_factory=dict)
    at_most: dict[str, int] = Field(default_factory=dict)
    claim: list[str] = Field(default_factory=list)
    append: list[JsonValue] = Field(default_factory=list)
    expect_revision: int | None = None
    lease_token: str | None = None


class ChangeOut(BaseModel):
    """Its answer."""

    revision: int
    counters: dict[str, int]
    first_item: int | None
    last_item: int
    replayed: bool


@app.patch("/v1/sessions/{session_id}")
async def change(session_id: str, body: ChangeIn) -> ChangeOut:
    """Answer without having done anything."""
    return ChangeOut(
        revision=len(session_id), counters=body.add, first_item=None, last_item=0, replayed=False
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Serve the bare route.")
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
