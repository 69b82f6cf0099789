"""Leaving the page for the sign-in, on purpose or because the session is over: a tiny component in the browser."""

from __future__ import annotations

from functools import cache
from typing import Any

from streamlit.components.v2 import component
from streamlit.components.v2.types import ComponentRenderer


def to_sign_in(key: str = "to-sign-in") -> None:
    """Send the browser to the sign-in; it comes back to where it is now."""
    _show(key, {"leave": "sign-in"})


def sign_out() -> None:
    """End the session on the server and show the sign-in."""
    _show("sign-out", {"leave": "sign-out"})


def watch_session(*, every: float) -> None:
    """Look every so many seconds whether the session lives, and go to the sign-in when it does not.

    The browser asks a route that does not keep the session alive. It can ask, too, when the websocket is gone.
    """
    _show("watch-session", {"watch": every})


def _show(key: str, data: dict[str, Any]) -> None:
    _renderer()(key=key, data=data)


@cache
def _renderer() -> ComponentRenderer:
    # Not at import: the asset folder is known only once a Streamlit runtime exists.
    return component("mednerapp.redirect", js="redirect.js")
