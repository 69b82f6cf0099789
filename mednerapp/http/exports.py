"""Downloads. Some hold patient text, so routes that check the session serve them, not Streamlit's media store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from mednerapp.bootstrap import App
from mednerapp.domain.accounts import Permission
from mednerapp.errors import NotCleared, NotFound, PermissionDenied, SignedOut
from mednerapp.http.identity import session_of, signed_in
from mednerapp.services import carrying, experiment_documents, experiment_reports, exporting
from mednerapp.services.experiment_reports import Report
from mednerapp.services.exporting import Export

T = TypeVar("T")
MOST = 2**31 - 1  # a larger id fits in no row

# Ending: media type, and what the document says of the report; `number` is the experiment's.
DOCUMENTS: dict[str, tuple[str, Callable[[Report, int], str]]] = {
    "md": (
        "text/markdown",
        lambda report, number: experiment_documents.markdown(report, figure=experiment_file(number, "svg")),
    ),
    "json": ("application/json", lambda report, _: experiment_documents.as_json(report)),
    "svg": ("image/svg+xml", lambda report, _: experiment_documents.figure(report)),
}


def experiment_file(number: int, ending: str) -> str:
    """The name under which a document of an experiment is saved."""
    return f"medner-experiment-{number}.{ending}"


def routes(app: App) -> list[Route]:
    def made(session: str, project_id: int, format_key: str, only_confirmed: bool) -> Export:  # noqa: FBT001
        user = signed_in(app, session)
        user.require(Permission.EXPORT)
        if project_id > MOST:
            raise NotFound(f"There is no project {project_id}.")
        return exporting.export(
            app.store, user=user, project_id=project_id, format_key=format_key, only_confirmed=only_confirmed
        )

    async def export(request: Request) -> Response:
        project_id: int = request.path_params["project_id"]
        key = request.path_params.get("format", "jsonl")
        only_confirmed = request.query_params.get("spans") != "all"
        found = await asked(made, session_of(request), project_id, key, only_confirmed)
        if isinstance(found, JSONResponse):
            return found
        return file(found.content, found.name, found.media_type)

    def document(session: str, number: int, ending: str) -> list[str]:
        user = signed_in(app, session)
        if ending not in DOCUMENTS or number > MOST:
            raise NotFound(f"There is no experiment {number} as .{ending}. There are: {', '.join(DOCUMENTS)}.")
        report = experiment_reports.report(app.store, user=user, experiment_id=number)
        return [DOCUMENTS[ending][1](report, number)]

    async def experiment(request: Request) -> Response:
        number, ending = request.path_params["number"], request.path_params["ending"]
        content = await asked(document, session_of(request), number, ending)
        return file(content, experiment_file(number, ending), DOCUMENTS[ending][0] if ending in DOCUMENTS else "")

    return [
        Route("/api/projects/{project_id:int}/export.jsonl", export),
        *_datasets(app),
        Route("/api/projects/{project_id:int}/export/{format:str}", export),
        Route("/api/experiments/{number:int}/report.{ending:str}", experiment),
    ]


def _datasets(app: App) -> list[Route]:
    def dataset_lines(session: str, dataset_id: int) -> Iterator[str]:
        if dataset_id > MOST:
            raise NotFound(f"There is no dataset {dataset_id}.")
        return carrying.export(app.store, user=signed_in(app, session), dataset_id=dataset_id)

    async def dataset(request: Request) -> Response:
        dataset_id: int = request.path_params["dataset_id"]
        content = await asked(dataset_lines, session_of(request), dataset_id)
        return file(content, f"medner-dataset-{dataset_id}.jsonl", "application/jsonl")

    return [Route("/api/datasets/{dataset_id:int}/export.jsonl", dataset)]


async def asked(call: Callable[..., T], *arguments: object) -> T | JSONResponse:
    """What the call gives, in a thread; as an answer what keeps it from giving it."""
    try:
        return await to_thread.run_sync(call, *arguments)
    except SignedOut as error:
        return JSONResponse({"error": "signed_out", "message": str(error)}, 401)
    except PermissionDenied as error:
        return JSONResponse({"error": "forbidden", "message": str(error)}, 403)
    except NotFound as error:
        return JSONResponse({"error": "not_found", "message": str(error)}, 404)
    except NotCleared as error:
        return JSONResponse({"error": "identifiers", "message": str(error)}, 409)


def file(content: Iterable[str] | Iterable[bytes] | JSONResponse, name: str, media_type: str) -> Response:
    """A download under that name; an answer that says what kept us from it goes out as it is."""
    if isinstance(content, JSONResponse):
        return content
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(content, media_type=media_type, headers=headers)
