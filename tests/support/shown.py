"""What a page shows that Streamlit's test driver has run."""

from __future__ import annotations

from typing import Any

from streamlit.testing.v1 import AppTest


def button(shown: AppTest, label: str) -> object:
    return next(b for b in shown.button if b.label == label)


def texts(shown: AppTest) -> str:
    kinds = (shown.markdown, shown.caption, shown.info, shown.warning, shown.success, shown.error)
    return "\n".join(element.value for kind in kinds for element in kind)


def named(fields: Any, label: str) -> Any:
    (found,) = [field for field in fields if field.label == label]
    return found
