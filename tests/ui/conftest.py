"""The pages on a demo data folder, run by Streamlit's own test driver."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from support.app_server import ROOT, prepare_demo

from mednerapp import bootstrap
from mednerapp.bootstrap import App
from mednerapp.domain.accounts import Role, User
from mednerapp.services import accounts
from mednerapp.ui import guard, process

Open = Callable[..., AppTest]  # (page, role, query)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    opened = bootstrap.build(prepare_demo(tmp_path_factory.mktemp("demo")))
    yield opened
    opened.close()


@pytest.fixture
def people(app: App) -> dict[Role, User]:
    return {user.role: user for user in accounts.list_users(app.store, by=None)}


@pytest.fixture
def open_page(app: App, people: dict[Role, User], monkeypatch: pytest.MonkeyPatch) -> Open:
    """A page as the demo person of a role sees it, or as a stranger (None)."""
    process.application.cache_clear()
    monkeypatch.setattr("mednerapp.ui.process.build", lambda _settings: app)

    def open_(name: str, role: Role | None, query: Mapping[str, str] | None = None) -> AppTest:
        user = people[role] if role else None
        monkeypatch.setattr(guard, "current_user", lambda **_: user)
        test = AppTest.from_file(str(Path(ROOT) / "mednerapp" / "ui" / "main.py"), default_timeout=60)
        test.switch_page(str(Path(ROOT) / "pages" / f"{name}.py"))
        for key, value in (query or {}).items():
            test.query_params[key] = value
        return test.run()

    yield open_
    process.application.cache_clear()
