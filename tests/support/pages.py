"""The pages of the menu and the heading that each shows."""

from __future__ import annotations

from collections.abc import Iterator

from playwright.sync_api import Page

from mednerapp.ui.menu import MENU

HEADINGS = {name: title for name, (title, _) in MENU.items() if name != "annotate"} | {"upload": "Upload notes"}
"""Path → heading; the page Annotate shows the note's title instead."""


def through_the_menu(page: Page) -> Iterator[tuple[str, str]]:
    """Opens one page after the other by its link, for somebody who may open all of them; path and heading of each."""
    for path, heading in HEADINGS.items():
        page.get_by_test_id("stSidebarNavLink").get_by_text(MENU[path][0], exact=True).click()
        yield path, heading
