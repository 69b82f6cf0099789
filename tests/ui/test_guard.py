"""Every page begins with the guard, and every fragment with the look that keeps no session alive."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "pages").glob("*.py"))
SCRIPTS = [*PAGES, *sorted((ROOT / "mednerapp" / "ui").glob("*.py"))]


def test_there_are_pages() -> None:
    assert {page.stem for page in PAGES} == {
        "annotate",
        "notes",
        "upload",
        "identifiers",
        "gold",
        "datasets",
        "promotion",
        "train",
        "models",
        "compare",
        "dashboard",
        "jobs",
        "admin",
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_first_thing_that_a_page_does_is_to_ask_who_is_there(page: Path) -> None:
    tree = ast.parse(page.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    first = next(node for node in tree.body[1:] if not isinstance(node, ast.Import | ast.ImportFrom))
    assert ast.unparse(first).startswith("user = guard.require(Permission.")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_is_short(page: Path) -> None:
    assert len(page.read_text(encoding="utf-8").splitlines()) <= 100


def fragments() -> list[tuple[str, ast.FunctionDef]]:
    """Functions that Streamlit runs on their own: decorated with st.fragment or handed to it."""
    found: list[tuple[str, ast.FunctionDef]] = []
    for script in SCRIPTS:
        tree = ast.parse(script.read_text(encoding="utf-8"))
        calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and ast.unparse(n.func) == "st.fragment"]
        named = {ast.unparse(call.args[0]) for call in calls if call.args}
        functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]
        decorated = [f for f in functions if any("fragment" in ast.unparse(d) for d in f.decorator_list)]
        handed_over = [f for f in functions if f.name in named]
        found += [(f"{script.stem}.{f.name}", f) for f in decorated + handed_over]
    return found


def test_every_fragment_looks_first_whether_the_session_lives() -> None:
    assert len(fragments()) >= 3
    for name, function in fragments():
        assert ast.unparse(function.body[0]) == "user = guard.still_here()", name
