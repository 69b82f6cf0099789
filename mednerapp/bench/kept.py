"""Finished runs in a file of JSON lines, so that a measurement of hours can be cut off and taken up again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def kept_rows(file: Path | None) -> list[dict[str, Any]]:
    """What the file holds, oldest first; nothing without one. A line that a cut left torn is passed over."""
    if file is None or not file.exists():
        return []
    rows: list[dict[str, Any]] = []
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return rows


def keep_row(file: Path | None, row: dict[str, Any]) -> None:
    """Append it, on a line of its own whatever stands before it, by one write: several processes may share the file."""
    if file is None:
        return
    before = file.read_bytes() if file.exists() else b""
    torn = before != b"" and not before.endswith(b"\n")
    with file.open("ab", buffering=0) as out:
        out.write((b"\n" if torn else b"") + json.dumps(row).encode() + b"\n")
