"""A route that reads the same body, does nothing, and answers in the same form.

    python -m benchmarks.bare_service --port 8001

One uvicorn worker with the settings of `holdfast serve`, and what FastAPI does by itself.
"""

import argparse

import uvicorn
from fastapi import FastAPI

from holdfast.server.replies import ChangeReply
from holdfast.server.requests import ChangeRequest

app = FastAPI()


@app.patch("/v1/sessions/{session_id}")
async def change(session_id: str, body: ChangeRequest) -> ChangeReply:
    """Answer without having done anything."""
    return ChangeReply(
        revision=len(session_id), counters=body.add, first_item=None, last_item=0, replayed=False
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Serve the bare route.")
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port
    uvicorn.run(
        app, host="127.0.0.1", port=port, log_config=None, access_log=False, server_header=False
    )


if __name__ == "__main__":
    main()
