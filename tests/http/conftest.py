"""One web process on a demo data folder for all tests of the routes; an annotator at a fresh note."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.app_server import AppServer, prepare_demo, running
from support.http_desk import Desk, demo_user, new_note

from mednerapp.domain.accounts import Role
from mednerapp.domain.spans import ScoredSpan
from mednerapp.services import annotating


@pytest.fixture(scope="session")
def app_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    with running(prepare_demo(tmp_path_factory.mktemp("demo"))) as server:
        yield server


@pytest.fixture
def suggestions() -> list[ScoredSpan]:
    return []


@pytest.fixture
def desk(app_server: AppServer, suggestions: list[ScoredSpan]) -> Iterator[Desk]:
    user = demo_user(app_server, Role.ANNOTATOR)
    note_id = new_note(app_server, suggestions)
    opened = annotating.open_note(app_server.app.store, user=user, note_id=note_id)
    with app_server.signed_in(Role.ANNOTATOR) as client:
        yield Desk(app_server, client, user, note_id, opened.annotation.id)
