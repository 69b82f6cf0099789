"""Reports on the models of a dataset as downloads: numbers and names, for whoever may see results."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mednerapp.bootstrap import App
from mednerapp.errors import NotFound
from mednerapp.http.exports import MOST, asked, file
from mednerapp.http.identity import session_of, signed_in
from mednerapp.services import board_documents, dashboards


def routes(app: App) -> list[Route]:
    def document(session: str, number: int, ending: str, model: str) -> list[str]:
        user = signed_in(app, session)
        if ending not in board_documents.DOCUMENTS or number > MOST:
            raise NotFound(f"There is no report on dataset {number} as .{ending}.")
        board = dashboards.board(app.store, user=user, dataset_id=number, limit=None)
        first = next(iter(board.models), None)
        chosen = next((m for m in board.models if str(m.evaluation_id) == model), first)
        summary = chosen and dashboards.summary(app.store, user=user, evaluation_id=chosen.evaluation_id)
        return [board_documents.DOCUMENTS[ending].write(board_documents.Content(board, chosen, summary))]

    async def report(request: Request) -> Response:
        number, ending = request.path_params["number"], request.path_params["ending"]
        model = request.query_params.get("model", "")
        content = await asked(document, session_of(request), number, ending, model)
        kind = board_documents.DOCUMENTS.get(ending)
        return file(content, f"medner-models-{number}.{ending}", kind.media_type if kind else "")

    return [Route("/api/datasets/{number:int}/report.{ending:str}", report)]
