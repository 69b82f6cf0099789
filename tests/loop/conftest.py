from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from loop.installation import Installation, installed
from support.browser import _windows, browser, new_page, page

__all__ = ["_windows", "browser", "installation", "new_page", "page"]


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    with installed(tmp_path / "data") as running:
        yield running
