"""The pages of the menu and the heading that each shows."""

from __future__ import annotations

from mednerapp.ui.menu import MENU

HEADINGS = {name: title for name, (title, _) in MENU.items() if name != "annotate"} | {"upload": "Upload notes"}
"""Path → heading; the page Annotate shows the note's title instead."""
