"""The process in which a model looks for identifiers: `python -m mednerapp.ner.identifying_server`, driven over pipes.

A line of JSON with `text` in, a line with `found` out; the first line out says that the model is open, or what is wrong
with it. It ends when the other end of its standard input is closed, however its parent died, or after a while without
a question. Nothing of a text is written anywhere else.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mednerapp.errors import MedNerError


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--starter", type=Path, required=True)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--idle", type=float, default=600.0)
    given = parser.parse_args()
    try:
        from mednerapp.ner.identifying import open_finder
        from mednerapp.ner.loading import pick_device

        finder = open_finder(given.folder, starter=given.starter, device=pick_device(given.device))
    except MedNerError as error:
        _say({"problem": str(error)})
        return
    _say({"ready": True})
    for line in _lines(given.idle):
        try:
            (found,) = finder.find([json.loads(line)["text"]])
        except Exception as error:  # noqa: BLE001 - its class alone: its words could quote the text
            _say({"problem": f"It failed on a note ({type(error).__name__})."})
            continue
        _say({"found": [[one.start, one.end, one.type.value, one.score] for one in found]})


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def _lines(idle: float) -> Iterator[bytes]:
    """Until the pipe is closed, or for so many seconds nothing comes."""
    rest = b""
    while select.select([0], [], [], idle)[0]:
        data = os.read(0, 1 << 16)
        if not data:
            return
        *lines, rest = (rest + data).split(b"\n")
        yield from lines


if __name__ == "__main__":
    main()
