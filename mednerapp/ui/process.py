"""The one App of the web process, shared by all sessions."""

from __future__ import annotations

from functools import cache

from mednerapp.bootstrap import App, build
from mednerapp.settings import Settings


@cache
def application() -> App:
    """Settings and the open store; made by the first call.

    Raises:
        MedNerError: if the database has not been migrated.
    """
    return build(Settings())
