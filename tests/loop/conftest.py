from __future__ import annotations

from collections.abc import Iterator

import pytest
from loop.installation import Installation, installed
from support.browser import browser, new_page, page

__all__ = ["browser", "installation", "new_page", "page"]


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installed(tmp_path_factory.mktemp("loop") / "data") as running:
        yield running
