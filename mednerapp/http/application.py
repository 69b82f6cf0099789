"""Routes and middleware of the web process, in the order in which they see a request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.middleware import Middleware
from starlette.routing import BaseRoute
from streamlit import config

from mednerapp.bootstrap import App
from mednerapp.http import annotations, board_reports, bulk, channel, edits, exports, health, held, sign_in
from mednerapp.http.connections import answer_at_once
from mednerapp.http.identity import Identity
from mednerapp.http.logs import hide_messages_of_errors
from mednerapp.http.protection import Protection


@dataclass(frozen=True, slots=True)
class Wiring:
    """What `st.App` is given."""

    routes: Sequence[BaseRoute]
    middleware: Sequence[Middleware]


def wire(app: App) -> Wiring:
    """Everything around the pages. Also sets what Streamlit has to know of our settings and makes its log discreet."""
    hide_messages_of_errors()
    answer_at_once()
    config.set_option("server.maxUploadSize", app.settings.max_upload_mb)
    return Wiring(
        routes=[
            *sign_in.routes(app),
            *edits.routes(app),
            channel.route(app),
            *annotations.routes(app),
            *bulk.routes(app),
            *exports.routes(app),
            *board_reports.routes(app),
            *held.routes(app),
            *health.routes(app),
        ],
        middleware=[Middleware(Protection, settings=app.settings), Middleware(Identity, app_=app)],
    )
