"""Downloads. They hold patient text, so a route that checks the session serves them, not Streamlit's media store."""

from __future__ import annotations

from collections.abc import Iterator

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from mednerapp.bootstrap import App
from mednerapp.domain.accounts import Permission
from mednerapp.errors import NotFound, PermissionDenied, SignedOut
from mednerapp.http.identity import session_of, signed_in
from mednerapp.services import exporting, projects


def routes(app: App) -> list[Route]:
    def lines(session: str, project_id: int) -> Iterator[str]:
        user = signed_in(app, session)
        user.require(Permission.EXPORT)
        if all(project.id != project_id for project in projects.all_projects(app.store)):
            raise NotFound(f"There is no project {project_id}.")
        return exporting.export_jsonl(app.store, user=user, project_id=project_id)

    async def export(request: Request) -> Response:
        project_id: int = request.path_params["project_id"]
        try:
            content = await to_thread.run_sync(lines, session_of(request), project_id)
        except SignedOut as error:
            return JSONResponse({"error": "signed_out", "message": str(error)}, 401)
        except PermissionDenied as error:
            return JSONResponse({"error": "forbidden", "message": str(error)}, 403)
        except NotFound as error:
            return JSONResponse({"error": "not_found", "message": str(error)}, 404)
        headers = {"content-disposition": f'attachment; filename="medner-project-{project_id}.jsonl"'}
        return StreamingResponse(content, media_type="application/jsonl", headers=headers)

    return [Route("/api/projects/{project_id:int}/export.jsonl", export)]
