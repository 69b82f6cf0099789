"""The process that reads files: `python -m mednerapp.formats.uploads.server`, driven by `sandbox` over its pipes.

A request is a line of JSON and then as many bytes as it says; for each, a fork with limits reads the file and writes
what it finds as lines of JSON. What it ended with is the last line. So a file can neither take the program down nor
leave anything behind for the next one.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from typing import Any, BinaryIO

from mednerapp.domain.exchange import Document, Unreadable
from mednerapp.errors import MedNerError
from mednerapp.formats import complete
from mednerapp.formats.uploads import table
from mednerapp.formats.uploads.options import Columns, Found, NotUtf8, Options

_LIBRARIES = {"xlsx": "openpyxl", "pdf": "pypdf", "json": "pypdf", "rtf": "striprtf.striprtf"}


def main() -> None:
    """Until the pipe is closed."""
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    while head := requests.readline():
        request = json.loads(head)
        data = requests.read(request["size"]) if not request.get("path") else b""
        _preload(request["name"])
        _serve(request, data, answers)


def _preload(name: str) -> None:
    """What the forks for files of this kind share; the first one of each waits for it. Parquet's library starts threads
    and is left to the fork that needs it.
    """
    module = _LIBRARIES.get(table.ending_of(name))
    if module:
        import_module(module)


def _serve(request: dict[str, Any], data: bytes, answers: BinaryIO) -> None:
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            _limit(request)
            status = _read(request, data)
        finally:
            os._exit(status)
    _, status, used = os.wait4(child, 0)
    end = {
        "end": True,
        "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
        "status": os.WEXITSTATUS(status) if os.WIFEXITED(status) else 0,
        "seconds": round(time.monotonic() - started, 3),
        "kilobytes": used.ru_maxrss,
    }
    answers.write(b"\n" + json.dumps(end).encode() + b"\n")  # after what the child may have left half a line of
    answers.flush()


def _limit(request: dict[str, Any]) -> None:
    """Memory, processor time, time on the clock; no file can be written, no dump left, no program started."""
    memory, seconds = int(request["megabytes"]) << 20, int(request["seconds"])
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    if request.get("clock"):
        signal.setitimer(signal.ITIMER_REAL, seconds)  # its signal ends the process


def _read(request: dict[str, Any], data: bytes) -> int:
    out = os.fdopen(1, "wb", closefd=False, buffering=1 << 16)
    options = Options(
        encoding=request.get("encoding", ""),
        columns=request.get("columns") or {},
        note_types=tuple(request["note_types"]) if request.get("note_types") is not None else None,
        limit=int(request.get("limit") or 0),
    )
    try:
        left = int(request["most_text"])
        for frame, size in _frames(request, data, options):
            left -= size
            if left < 0:
                frame = {"fatal": f"The notes have over {request['most_text']:,} characters together."}  # noqa: PLW2901
            out.write(json.dumps(frame).encode() + b"\n")
            if left < 0:
                break
        out.flush()
    except MemoryError:
        del data
        os.write(1, b'\n{"memory": true}\n')
    except BrokenPipeError:
        return 1
    return 0


def _frames(request: dict[str, Any], data: bytes, options: Options) -> Iterator[tuple[dict[str, Any], int]]:
    """(frame, characters of note text in it)."""
    try:
        for item in _found(request, data, request["name"], options):
            yield _frame(item), len(item.text) if isinstance(item, Document) else 0
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the file's reason
        yield _reason(error), 0


def _frame(item: Found) -> dict[str, Any]:
    if isinstance(item, Document):
        return {"document": complete.value_of(item)}
    if isinstance(item, Unreadable):
        return {"unreadable": [item.place, item.reason]}
    if isinstance(item, Columns):
        return {"columns": list(item.names), "roles": dict(item.roles), "first": item.first}
    return {"encodings": dict(item.previews)}


def _reason(error: Exception) -> dict[str, Any]:
    """A reader's bug is named by its class alone: its text could quote the file."""
    if isinstance(error, NotUtf8):
        return {"encodings": dict(error.question.previews)}
    if isinstance(error, UnicodeDecodeError):
        return {"fatal": "The text does not fit its encoding. Save the file as UTF-8."}
    if isinstance(error, RecursionError):
        return {"fatal": "The file is nested too deeply."}
    return {"fatal": str(error)} if isinstance(error, MedNerError) else {"bug": type(error).__name__}


def _found(request: dict[str, Any], data: bytes, name: str, options: Options) -> Iterator[Any]:
    path = request.get("path")
    return table.read_file(path, name, options) if path else table.read(data, name, options)


if __name__ == "__main__":
    main()
