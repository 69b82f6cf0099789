"""Whether the web process and its database answer, and whether a session still lives."""

from __future__ import annotations

import logging

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mednerapp import __version__
from mednerapp.bootstrap import App
from mednerapp.http.identity import session_of

_log = logging.getLogger(__name__)


def routes(app: App) -> list[Route]:
    async def health(_request: Request) -> Response:
        """Without a session: says nothing that a stranger could use."""
        try:
            await to_thread.run_sync(app.store.ping)
        except Exception:  # noqa: BLE001 - whatever the driver raises, the answer is the same
            _log.exception("The database does not answer.")
            return JSONResponse({"status": "failing", "version": __version__, "database": "unreachable"}, 503)
        return JSONResponse({"status": "ok", "version": __version__, "database": "ok"})

    async def session(request: Request) -> Response:
        """Looks whether the session lives without keeping it alive; an open page asks now and then."""
        return Response(status_code=204 if session_of(request) else 401)

    return [Route("/healthz", health), Route("/session", session)]
