"""The span editor on a page of its own, for what does not depend on Streamlit: `uvicorn plain:app`.

The page mounts the component as Streamlit does: the same modules and style sheet under the same policy, in a shadow
root, with what the Python side gives. Only that it opens at once, and a run of the Python side is one request.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import drawing
import notes
import routes
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

import mednerapp.ui.span_editor as component

HERE = Path(__file__).parent
FRONTEND = Path(component.__file__).parent / "frontend"
module: Any = component


@dataclass
class Session:
    """What Streamlit keeps for one load of the page."""

    state: dict[str, Any] = field(default_factory=dict)
    runs: int = 0


sessions: dict[str, Session] = defaultdict(Session)


async def run(request: Request) -> Response:
    """A run of the page: what the editor is given, for the values it has set."""
    asked = await request.json()
    session, given = sessions[asked["session"]], {}

    def render(**arguments: Any) -> dict[str, Any]:
        given.update(arguments["data"])
        return asked["values"]

    module._renderer, module.st = lambda: render, SimpleNamespace(session_state=session.state)
    with notes.lock:
        while drawing.draw(notes.shown()):
            pass
        session.runs += 1
        return JSONResponse({"data": {**given, **notes.shown().more}, "runs": session.runs})


def page(_request: Request) -> Response:
    return FileResponse(HERE / "plain.html")


def script(_request: Request) -> Response:
    return FileResponse(HERE / "plain.js")


def healthy(_request: Request) -> Response:
    return Response()


class Modules(StaticFiles):
    """Kept by the browser, as Streamlit lets it."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        answer = super().file_response(*args, **kwargs)
        answer.headers["cache-control"] = "max-age=3600"
        return answer


app = Starlette(
    routes=[
        Route("/", page),
        Route("/plain.js", script),
        Route("/harness/run", run, methods=["POST"]),
        Route("/_stcore/health", healthy),
        Mount("/_stcore/bidi-components/mednerapp.span_editor", Modules(directory=FRONTEND)),
        *routes.ROUTES,
    ],
    middleware=routes.MIDDLEWARE,
)
