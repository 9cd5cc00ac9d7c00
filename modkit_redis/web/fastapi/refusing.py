"""How a dependency refuses a request."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from modkit_redis.web.refusals import Refusal

_OF_A_BODY = ("content-type", "content-length")


class RefusedError(HTTPException):
    """A request is refused; FastAPI answers it with status, headers and ``{"detail": …}``.

    ``install`` has it answered with the body of *answer*, which may be problem details.

    Attributes:
        answer: The answer with its body.
    """

    def __init__(self, detail: str, answer: Refusal) -> None:
        headers = {name: value for name, value in answer.headers if name.lower() not in _OF_A_BODY}
        super().__init__(answer.status, detail, headers)
        self.args = (detail, answer)
        self.answer = answer


def accept_of(connection: HTTPConnection) -> str:
    """Return what a request asks for, as one header."""
    return ",".join(connection.headers.getlist("accept"))
