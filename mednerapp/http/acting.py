"""What the span editor posts and reads: worked on in a thread, answered as it understands, errors too."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mednerapp.bootstrap import App
from mednerapp.domain.accounts import User
from mednerapp.errors import ChangedSince, InvalidEdit, InvalidValue, NotFound, PermissionDenied, SignedOut
from mednerapp.http.bodies import LARGEST, BodyTooLargeError, MalformedBodyError, json_object
from mednerapp.http.identity import session_of, signed_in

MOST_BYTES = 1_000_000
SIGNED_OUT = 401
_log = logging.getLogger(__name__)

# Error → (status, name in the answer); the first that fits.
_REFUSALS: tuple[tuple[type[Exception], int, str], ...] = (
    (SignedOut, SIGNED_OUT, "signed_out"),
    (PermissionDenied, 403, "forbidden"),
    (NotFound, 404, "not_found"),
    (MalformedBodyError, 400, "malformed"),
    (BodyTooLargeError, 413, "too_large"),
    (ChangedSince, 409, "changed"),
    (InvalidValue, 422, "invalid"),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP status and a JSON object."""

    body: dict[str, Any]
    status: int = 200


Target = TypeVar("Target", int, str)
Act = Callable[[User, Target, dict[str, Any]], Answer]
"""Who acts, id of what the body is about, body. Runs in a thread; what it raises is refused."""


Read = Callable[[User, int, Request], dict[str, Any]]
"""Who reads, id of what is read, and what the address says besides. Runs in a thread; what it raises is refused."""


class UntouchedError(Exception):
    """Suggestions are left that nobody has looked at."""


def post(path: str, app: App, act: Act[Target]) -> Route:
    """A route for `path`, which has one `{id}`: a number if it says `{id:int}`, else a text."""

    def work(session: str, id_: Target, body: dict[str, Any]) -> Response:
        answer = perform(app, act, session, id_, body)
        return JSONResponse(answer.body, answer.status)  # in the thread: the places of a preview are a megabyte

    async def answer(request: Request) -> Response:
        body = await json_object(request, MOST_BYTES)
        return await to_thread.run_sync(work, session_of(request), request.path_params["id"], body)

    return _route("POST", path, answer)


def get(path: str, app: App, read: Read) -> Route:
    """A route for `path`, which has one `{id:int}`, to what `read` finds."""

    def work(request: Request) -> Response:
        id_: int = request.path_params["id"]
        return JSONResponse(read(_entitled(app, session_of(request), id_), id_, request))

    return _route("GET", path, lambda request: to_thread.run_sync(work, request))


def _route(method: str, path: str, answer: Callable[[Request], Awaitable[Response]]) -> Route:
    async def respond(request: Request) -> Response:
        try:
            return await answer(request)
        except Exception as error:  # noqa: BLE001 - every error has an answer that the editor understands
            refusal = refused(error)
            return JSONResponse(refusal.body, refusal.status)

    return Route(path, respond, methods=[method])


def perform(app: App, act: Act[Target], session: str, id_: Target, body: dict[str, Any]) -> Answer:
    """What `act` answers to the person of the session (hash of its token). Blocks: call it in a thread."""
    return act(_entitled(app, session, id_), id_, body)


def _entitled(app: App, session: str, id_: int | str) -> User:
    """Who is signed in. No database is asked for an id that it cannot hold."""
    user = signed_in(app, session)
    if isinstance(id_, int) and id_ > LARGEST:
        raise NotFound("There is nothing of that number.")
    return user


def refused(error: Exception) -> Answer:
    """The answer to an error, also to one that nobody expected."""
    if isinstance(error, UntouchedError):
        return Answer({"error": "untouched", "message": str(error)}, 422)
    if isinstance(error, InvalidEdit):
        return Answer({"error": "invalid_edit", "message": str(error), "seq": error.client_seq}, 422)
    for kind, status, name in _REFUSALS:
        if isinstance(error, kind):
            return Answer({"error": name, "message": str(error)}, status)
    _log.error("A request of the span editor failed.", exc_info=error)
    return Answer({"error": "failed", "message": "The server could not do this. It is in its log."}, 500)
