"""Files read in another process, with limits: what becomes of a file never becomes of the program."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mednerapp.domain.exchange import Document, Unreadable
from mednerapp.errors import RejectedNote
from mednerapp.formats import complete
from mednerapp.formats.uploads.options import AskEncoding, Columns, Found, Options

SECONDS, MEGABYTES = 9, 512
MOST_TEXT = 50_000_000  # characters of the notes of one upload
TOO_SLOW = f"Reading the file took over {SECONDS} seconds; it was stopped."
TOO_BIG = f"Reading the file took over {MEGABYTES} MB of memory; it was stopped."


@dataclass(slots=True)
class Looked:
    """What a file holds. reason: why it holds nothing that can be imported, '' when it does.

    seconds, megabytes: what reading took. bug: a reader failed in a way that it should not; its class.
    """

    documents: list[Document] = field(default_factory=list[Document])
    unreadable: list[Unreadable] = field(default_factory=list[Unreadable])
    columns: Columns | None = None
    question: AskEncoding | None = None
    reason: str = ""
    seconds: float = 0.0
    megabytes: float = 0.0
    bug: str = ""


class Sandbox:
    """The process; started at once, ended at the end of the `with` block. Not to be shared between threads."""

    def __init__(self) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MEDNER_")}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mednerapp.formats.uploads.server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # a library's complaint may quote the file
            env={**environment, "OMP_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                try:
                    pipe.close()
                except OSError:
                    continue
        self._process.wait()

    def look(self, *, name: str, data: bytes, options: Options | None = None) -> Looked:
        """Everything in the file, or nothing of it and why: no file is imported by halves."""
        looked = Looked()
        ended = self._ask({"name": name, "size": len(data), "clock": True}, data, options, _collect(looked))
        looked.seconds, looked.megabytes = ended["seconds"], ended["kilobytes"] / 1024
        looked.bug = looked.bug or (f"signal {ended['signal']}" if _unexpected(ended["signal"]) else "")
        looked.reason = looked.reason or _why(ended)
        if looked.reason or looked.question:
            looked.documents.clear()
        elif not looked.documents and not looked.unreadable:
            looked.reason = "The file holds no note."
        return looked

    def stream(self, path: Path, *, options: Options | None = None, seconds: int = 3600) -> Iterator[Found]:
        """The notes of a file as they are read, of tables of any size; for files of an administrator.

        Raises:
            RejectedNote: nothing more of it can be read.
        """
        request = {"name": path.name, "path": str(path.absolute()), "size": 0, "seconds": seconds, "most_text": 10**12}
        yield from self._items(request, b"", options)

    def _items(self, request: dict[str, Any], data: bytes, options: Options | None) -> Iterator[Found]:
        reason = ""
        for frame in self._frames(request, data, options):  # to its end: the next file's answer follows in the pipe
            if frame.get("end"):
                reason = reason or _why(frame)
            elif "fatal" in frame or "bug" in frame or "memory" in frame:
                reason = _reason(frame)
            else:
                yield _item(frame)
        if reason:
            raise RejectedNote(reason)

    def _ask(
        self, request: dict[str, Any], data: bytes, options: Options | None, take: Callable[[dict[str, Any]], None]
    ) -> dict[str, Any]:
        ended: dict[str, Any] = {}
        for frame in self._frames(request, data, options):
            if frame.get("end"):
                ended = frame
            else:
                take(frame)
        return ended

    def _frames(self, request: dict[str, Any], data: bytes, options: Options | None) -> Iterator[dict[str, Any]]:
        given = options or Options()
        full = {
            "seconds": SECONDS,
            "megabytes": MEGABYTES,
            "most_text": MOST_TEXT,
            "encoding": given.encoding,
            "columns": dict(given.columns),
            "note_types": list(given.note_types) if given.note_types is not None else None,
            "limit": given.limit,
            **request,
        }
        to, back = self._process.stdin, self._process.stdout
        assert to is not None  # noqa: S101 - it was asked for
        assert back is not None  # noqa: S101 - as above
        to.write(json.dumps(full).encode() + b"\n" + data)
        to.flush()
        ended = False
        try:
            for line in back:
                frame = _parsed(line)
                ended = bool(frame.get("end"))
                if frame:
                    yield frame
                if ended:
                    return
        finally:
            if not ended:  # whoever asked has gone: what is left in the pipe is nobody's answer
                self._process.kill()
        raise RejectedNote("The process that reads files ended. Try again.")


def _parsed(line: bytes) -> dict[str, Any]:
    """Nothing for the half line of a child that was stopped."""
    try:
        return json.loads(line) if line.strip() else {}
    except ValueError:
        return {}


def _collect(looked: Looked) -> Callable[[dict[str, Any]], None]:
    def take(frame: dict[str, Any]) -> None:
        if "fatal" in frame or "bug" in frame or "memory" in frame:
            looked.reason, looked.bug = _reason(frame), frame.get("bug", "")
            return
        item = _item(frame)
        if isinstance(item, Document):
            looked.documents.append(item)
        elif isinstance(item, Unreadable):
            looked.unreadable.append(item)
        elif isinstance(item, Columns):
            looked.columns = looked.columns or item
        else:
            looked.question = item

    return take


def _item(frame: dict[str, Any]) -> Found:
    if "document" in frame:
        return complete.document_of(frame["document"])
    if "unreadable" in frame:
        return Unreadable(*frame["unreadable"])
    if "columns" in frame:
        return Columns(tuple(frame["columns"]), frame["roles"], tuple(map(tuple, frame["first"])))
    return AskEncoding(frame["encodings"])


def _reason(frame: dict[str, Any]) -> str:
    if "memory" in frame:
        return TOO_BIG
    return frame.get("fatal") or f"The file cannot be read ({frame['bug']})."


def _why(ended: dict[str, Any]) -> str:
    if ended["signal"] in (signal.SIGALRM, signal.SIGXCPU, signal.SIGKILL):
        return TOO_SLOW
    if ended["signal"] or ended["status"]:
        return "The file cannot be read: its reader ended early."
    return ""


def _unexpected(number: int) -> bool:
    return number not in (0, signal.SIGALRM, signal.SIGXCPU)


@contextmanager
def looking() -> Generator[Sandbox]:
    """A sandbox for the files of one upload."""
    with Sandbox() as found:
        yield found
