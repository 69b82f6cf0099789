"""The pages: their files, their titles and who sees them in the menu. One table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import streamlit as st

from mednerapp.domain.accounts import Permission

_FOLDER = Path(__file__).parents[2] / "pages"

# Every page checks the permission itself; hiding it in the menu is only a courtesy. No sections: Streamlit 1.67 writes
# their headings into the list, which screen readers then do not read as one (axe: serious).
MENU: dict[str, tuple[str, Permission]] = {
    "annotate": ("Annotate", Permission.ANNOTATE),
    "notes": ("Notes", Permission.ANNOTATE),
    "upload": ("Upload", Permission.IMPORT),
    "identifiers": ("Identifiers", Permission.SEE_IDENTIFIERS),
    "gold": ("Gold", Permission.REVIEW),
    "datasets": ("Datasets", Permission.TRAIN),
    "train": ("Train", Permission.TRAIN),
    "models": ("Models", Permission.TRAIN),
    "compare": ("Compare", Permission.TRAIN),
    "dashboard": ("Dashboard", Permission.SEE_RESULTS),
    "promotion": ("Model in use", Permission.TRAIN),
    "jobs": ("Jobs", Permission.TRAIN),
    "admin": ("Administration", Permission.ADMINISTER),
}


def page_file(name: str) -> Path:
    return _FOLDER / f"{name}.py"


def link(name: str, label: str, *, query: Mapping[str, str] | None = None) -> None:
    """A link to a page by its name in MENU."""
    st.page_link(page_file(name), label=label, query_params=dict(query or {}))


def next_step(name: str, label: str, *, query: Mapping[str, str] | None = None) -> None:
    """The button for what one most likely wants to do now: opens a page by its name in MENU."""
    if st.button(label, type="primary", key=f"next-{name}"):
        go(name, query=query)


def go(name: str, *, query: Mapping[str, str] | None = None) -> None:
    """End this run and open a page by its name in MENU."""
    st.switch_page(page_file(name), query_params=dict(query or {}))
