"""axe-core on an open page: what it finds wrong, without what we know to be Streamlit's own and cannot mend."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from playwright.sync_api import Page

SEVERE = ("serious", "critical")
# The script comes from the package alone: its own runner asks for a script element, which the page's policy forbids.
PACKAGE, SCRIPT = "axe_playwright_python", "axe.min.js"
# Rules of WCAG 2.2 A and AA, and what axe calls best practice: these count when they are serious.
OPTIONS: dict[str, Any] = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}


@dataclass(frozen=True)
class Finding:
    """One rule broken by one element. `target`: its CSS path, the steps into shadow roots joined by ' > '."""

    rule: str
    impact: str
    target: str
    html: str
    why: str

    def __str__(self) -> str:
        return f"{self.impact} {self.rule}: {self.target}\n    {self.html[:240]}\n    {self.why}"


@dataclass(frozen=True)
class Known:
    """A fault of markup that is not ours: the rule, and what stands in the HTML of the element. `reason`: whose."""

    rule: str
    html: str
    reason: str

    def covers(self, finding: Finding) -> bool:
        return finding.rule == self.rule and self.html in finding.html


@cache
def _source() -> str:
    return files(PACKAGE).joinpath(SCRIPT).read_text(encoding="utf-8")


def severe(page: Page, known: Iterable[Known] = ()) -> list[Finding]:
    """The serious and critical findings on the page as it is now, shadow roots included, without the known ones."""
    known = tuple(known)
    if not page.evaluate("() => Boolean(window.axe)"):
        page.evaluate(_source())
    result = page.evaluate("(options) => axe.run(document, options)", OPTIONS)
    found = (
        _finding(violation, node)
        for violation in result["violations"]
        if violation["impact"] in SEVERE
        for node in violation["nodes"]
    )
    return [finding for finding in found if not any(one.covers(finding) for one in known)]


def _finding(violation: dict[str, Any], node: dict[str, Any]) -> Finding:
    steps = (" > ".join(step) if isinstance(step, list) else step for step in node["target"])
    why = "; ".join(check["message"] for kind in ("any", "all", "none") for check in node[kind])
    return Finding(violation["id"], node["impact"] or violation["impact"], " > ".join(steps), node["html"], why)
