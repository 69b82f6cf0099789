"""The span editor on Streamlit, as in the product: `streamlit run app.py`."""

from __future__ import annotations

from pathlib import Path

import routes
import streamlit as st

app = st.App(str(Path(__file__).parent / "page.py"), routes=routes.ROUTES, middleware=routes.MIDDLEWARE)
