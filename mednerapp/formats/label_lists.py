"""The labels of a project as a table: comma-separated values with the columns name, color, description."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from mednerapp.domain.labels import Label
from mednerapp.errors import InvalidValue

COLUMNS = ("name", "color", "description")


def read_labels(text: str) -> list[tuple[str, str, str]]:
    """Rows of (name, colour or '', description or '') in order; the column `name` is needed. Lines without any value
    are passed over.

    Raises:
        InvalidValue: without that column, for a column that is none of these or comes twice, for a line with too many
            values, or for what is no CSV.
    """
    try:
        return list(_rows(text))
    except csv.Error as error:
        raise InvalidValue(f"This is no list of comma-separated values: {error}.") from None


def _rows(text: str) -> Iterator[tuple[str, str, str]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), restkey="")
    columns = [column.strip().lower() for column in reader.fieldnames or ()]
    if "name" not in columns or not set(columns) <= set(COLUMNS) or len(set(columns)) < len(columns):
        named = f", not {', '.join(map(repr, columns))}" if columns else ""
        raise InvalidValue(f"The first line of a list of labels names its columns: name, color, description{named}.")
    reader.fieldnames = columns
    for row in reader:
        if any(row.get("") or ()):
            raise InvalidValue(
                f"Line {reader.line_num} has more values than columns; put a text with commas in quotes."
            )
        name, color, description = ((row.get(column) or "").strip() for column in COLUMNS)
        if name or color or description:
            yield name, color, description


def write_labels(labels: Iterable[Label]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows((label.name, label.color, label.description) for label in labels)
    return out.getvalue()
