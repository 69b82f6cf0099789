"""The parts of a large JSON document one at a time, without the whole in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ijson

from mednerapp.errors import RejectedNote
from mednerapp.formats.reading import opened


def items(path: Path, prefix: str) -> Iterator[tuple[int, Any]]:
    """(number from 1, value) of each value at the place, written as `ijson` does: "item", "documents.item".

    Raises:
        RejectedNote: the file is not JSON, from there on.
    """
    number = 0
    with opened(path) as file:
        if file.read(3) != b"\xef\xbb\xbf":
            file.seek(0)
        try:
            for number, value in enumerate(ijson.items(file, prefix, use_float=True), start=1):
                yield number, value
        except ijson.JSONError:  # its own text quotes the document
            raise RejectedNote(f"The file is not JSON after record {number}.") from None
        except UnicodeDecodeError:
            raise RejectedNote(f"The file is not UTF-8 after record {number}.") from None
