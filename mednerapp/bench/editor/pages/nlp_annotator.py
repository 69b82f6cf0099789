# ruff: noqa: INP001  a script that Streamlit runs, no module of the package: it knows the web side
"""streamlit-nlp-annotator on the same note, in Streamlit as its documentation shows it."""

import json
import os
from pathlib import Path

import streamlit as st
from streamlit_nlp_annotator import annotate_text  # type: ignore[import-not-found]  # a peer, installed for the bench only

st.set_page_config(layout="wide")
note = json.loads(Path(os.environ["MEDNER_BENCH_NOTE"]).read_text(encoding="utf-8"))
annotate_text(text=note["text"], labels=note["labels"], annotations=note["annotations"], key="peer")
