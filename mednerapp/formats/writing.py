"""What all writers share: archives that are written as a stream, records of a growing list."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from mednerapp.domain.exchange import Document

Source = Callable[[], Iterable[Document]]
"""Gives the documents from the first, each time it is called."""
Entry = tuple[str, Iterable[bytes]]
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same notes give the same bytes


class _Sink:
    """What was written to it since it was asked last. It cannot be rewound, so a zip file is written straight on."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: Any) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """For `zipfile`."""

    def take(self) -> bytes:
        data = b"".join(self._pieces)
        self._pieces.clear()
        return data


def zipped(entries: Iterable[Entry]) -> Iterator[bytes]:
    """A zip archive, piece by piece; each entry is asked for after the one before was written."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as target:  # type: ignore[arg-type]
        for name, content in entries:
            info = zipfile.ZipInfo(name, _EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            with target.open(info, "w", force_zip64=True) as file:
                for piece in content:
                    file.write(piece)
                    if data := sink.take():
                        yield data
            yield sink.take()
    yield sink.take()


def json_line(value: Any) -> bytes:
    return (json.dumps(value, ensure_ascii=False) + "\n").encode()


def json_list(head: str, items: Iterable[Any], tail: str) -> Iterator[bytes]:
    """`head`, the items with commas between them, `tail`."""
    yield head.encode()
    for number, item in enumerate(items):
        yield (b",\n" if number else b"\n") + json.dumps(item, ensure_ascii=False).encode()
    yield b"\n" + tail.encode() + b"\n"


def numbered(documents: Iterable[Document]) -> Iterator[tuple[int, Document]]:
    return enumerate(documents, start=1)
