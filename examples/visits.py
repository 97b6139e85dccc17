"""Count visits in a FastAPI application, exactly, in ten lines.

Run it with `uvicorn examples.visits:app`, then:

    curl -X POST http://127.0.0.1:8000/visitors
    curl -X POST http://127.0.0.1:8000/visitors/<session_id>/visits
"""

from fastapi import FastAPI

from holdfast import Counter, Session
from holdfast.fastapi import Store, add_error_handlers, lifespan


class Visitor(Session):
    visits: Counter = 0


app = FastAPI(lifespan=lifespan("memory://", model=Visitor))
add_error_handlers(app)


@app.post("/visitors", status_code=201)
async def arrive(store: Store[Visitor]) -> Visitor:
    return await store.create()


@app.post("/visitors/{session_id}/visits")
async def visit(session_id: str, store: Store[Visitor]) -> int:
    return await store.increment_counter(session_id, "visits")
