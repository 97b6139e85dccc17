"""A route for the hottest request: its body goes from bytes to the model in one step.

The framework's own way, through dependencies and a second copy of the body, takes as long as the
change itself. The documentation is still made from the signature of the handler, which is
`(session_id, body, request)`.
"""

import inspect
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.routing import request_response

from holdfast.server.access import KeyedRoute, require_access
from holdfast.server.json_route import require_json
from holdfast.session import check_session_id


class LeanRoute(KeyedRoute):
    """Calls a handler with the session's id, its body as a model, and the request."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # Without the framework's stacks for what dependencies leave behind: there are none.
        self.app = request_response(self.get_route_handler())

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Do what the framework would, for this one form of handler."""
        handler = self.endpoint
        model: type[BaseModel] = inspect.signature(handler).parameters["body"].annotation

        async def handle(request: Request) -> Response:
            await require_access(request)
            session_id = check_session_id(request.path_params["session_id"])
            response: Response = await handler(session_id, await _read(request, model), request)
            return response

        return handle


async def _read(request: Request, model: type[BaseModel]) -> BaseModel:
    require_json(request)
    body = await request.body()
    try:
        return model.model_validate_json(body)
    except ValidationError as exc:
        found = exc.errors(include_url=False, include_input=False)
        placed = [{**detail, "loc": ("body", *detail["loc"])} for detail in found]
        raise RequestValidationError(placed) from exc
