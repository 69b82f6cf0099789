"""The web process: `streamlit run app.py`. Streamlit finds the application by the assignment to `app`."""

from pathlib import Path

import streamlit as st

from mednerapp.http.application import wire
from mednerapp.ui import errors
from mednerapp.ui.process import application

_wiring = wire(application())
app = st.App(
    Path(__file__).parent / "mednerapp" / "ui" / "main.py",
    routes=_wiring.routes,
    middleware=_wiring.middleware,
    on_script_error=errors.show,
)
