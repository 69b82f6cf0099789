"""Fifty equal mentions under a wrong label are put right in three actions, from the first of them on."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser
from support.browser import browser

from mednerapp.bench.repeated import all_at_once, measure

__all__ = ["browser"]


@pytest.mark.browser
@pytest.mark.usefixtures("warm")
def test_fifty_mentions_are_put_right_in_three_actions(browser: Browser, tmp_path: Path) -> None:
    at_once, one_by_one = measure(browser, tmp_path / "data", mentions=50, pace=0)
    assert (at_once.right, one_by_one.right) == (50, 50)
    to_the_first, *actions = all_at_once(50)
    assert to_the_first == "Tab"
    assert len(actions) == 3
    assert one_by_one.keys == 100
