"""The labels of a project as a table: comma-separated values with the columns name, color, description."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from mednerapp.domain.labels import Label
from mednerapp.errors import InvalidValue

COLUMNS = ("name", "color", "description")


def read_labels(text: str) -> list[tuple[str, str, str]]:
    """Rows of (name, colour or '', description or '') in order; the column `name` is needed, empty lines are not.

    Raises:
        InvalidValue: without that column, for a column that is none of these, or for a line with too many values.
    """
    reader = csv.DictReader(io.StringIO(text), restkey="")
    columns = [column.strip().lower() for column in reader.fieldnames or ()]
    if "name" not in columns or not set(columns) <= set(COLUMNS):
        named = f", not {', '.join(map(repr, columns))}" if columns else ""
        raise InvalidValue(f"The first line of a list of labels names its columns: name, color, description{named}.")
    reader.fieldnames = columns
    rows: list[tuple[str, str, str]] = []
    for row in reader:
        if "" in row:
            raise InvalidValue(
                f"Line {reader.line_num} has more values than columns; put a text with commas in quotes."
            )
        name, color, description = ((row.get(column) or "").strip() for column in COLUMNS)
        rows.append((name, color, description))
    return rows


def write_labels(labels: Iterable[Label]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows((label.name, label.color, label.description) for label in labels)
    return out.getvalue()
