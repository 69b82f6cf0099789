# ruff: noqa: INP001  a script that Streamlit runs, no module of the package: it knows the web side
"""The product's web process with one route more, behind the same middleware: what `streamlit run` starts for the bench.

`/bench/row` is the floor of a save: a body, the session check that every route makes, one committed row in the same
database file with the same durability, an answer. It is no part of the product.
"""

from pathlib import Path

import sqlalchemy as sa
import streamlit as st
from anyio import to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

import mednerapp.ui
from mednerapp.http.application import wire
from mednerapp.http.bodies import json_object
from mednerapp.http.identity import session_of, signed_in
from mednerapp.ui import errors
from mednerapp.ui.process import application

_medner = application()
_wiring = wire(_medner)
_rows = sa.Table("bench_row", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True), sa.Column("body", sa.JSON))
_rows.create(_medner.database.writer, checkfirst=True)


async def _store(request: Request) -> Response:
    body = await json_object(request, 1_000_000)
    return await to_thread.run_sync(_insert, session_of(request), body)


def _insert(session: str, body: dict[str, object]) -> JSONResponse:
    signed_in(_medner, session)
    with _medner.database.write() as db:
        row = db.scalar(sa.insert(_rows).values(body=body).returning(_rows.c.id))
    return JSONResponse({"ack": row})


app = st.App(
    Path(mednerapp.ui.__file__).with_name("main.py"),
    routes=[*_wiring.routes, Route("/bench/row", _store, methods=["POST"])],
    middleware=_wiring.middleware,
    on_script_error=errors.show,
)
