"""HL7 version 2: the text of ORU (results) and MDM (documents) messages."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from mednerapp.domain.exchange import Document, Unreadable
from mednerapp.errors import RejectedNote
from mednerapp.formats.reading import build, guarded
from mednerapp.formats.uploads.options import Reading
from mednerapp.formats.uploads.rows import day_of

_TEXTS = ("TX", "FT", "ST", "")
_ESCAPE = re.compile(r"\\([^\\\r\n]{0,60})\\")


@dataclass
class _Group:
    """A report: its OBR or TXA segment and the text of the OBX segments after it."""

    kind: str = ""
    id: str = ""
    day: str = ""
    lines: list[str] = field(default_factory=list[str])
    strange: int = 0


def messages(text: str) -> Reading:
    """A document for each report of each message.

    Raises:
        RejectedNote: there is no message in it.
    """
    segments = [s for s in re.split(r"[\r\n]+", text.replace("\x0b", "\r").replace("\x1c", "\r")) if s.strip()]
    starts = [i for i, segment in enumerate(segments) if segment.startswith("MSH")]
    if not starts:
        raise RejectedNote("The file holds no HL7 message (no MSH segment).")
    for number, (start, end) in enumerate(zip(starts, [*starts[1:], len(segments)], strict=True), start=1):
        yield from _message(segments[start:end], number)


def _message(segments: list[str], number: int) -> Reading:
    head = segments[0]
    place = f"message {number}"
    if len(head) < 8 or head[3].isalnum():
        yield Unreadable(place, "The MSH segment names no separators.")
        return
    marks = _Marks(head[3], *(head[4:8] + "    ")[:4])
    fields = [*head.split(marks.field), *[""] * 12]
    if fields[8].split(marks.part)[0] not in ("ORU", "MDM"):
        yield Unreadable(place, "The message is neither ORU nor MDM.")
        return
    patient, groups = "", [_Group()]
    for segment in segments[1:]:
        cells = [*segment.split(marks.field), *[""] * 20]
        if cells[0] == "PID":
            patient = (cells[3] or cells[2]).split(marks.again)[0].split(marks.part)[0]
        elif cells[0] in ("OBR", "TXA"):
            if groups[-1].lines or groups[-1].kind:
                groups.append(_Group())
            groups[-1] = _begun(cells, marks)
        else:
            _add(groups[-1], cells, marks)
    yield from _reports(groups, number, patient, day=fields[6], identifier=fields[9])


@dataclass(frozen=True)
class _Marks:
    """The separators that the message names itself."""

    field: str
    part: str
    again: str
    escape: str
    below: str


def _begun(cells: list[str], marks: _Marks) -> _Group:
    """The report that an OBR or TXA segment begins."""
    if cells[0] == "TXA":
        return _Group(cells[2].split(marks.part)[0], cells[12].split(marks.part)[0], cells[4] or cells[6])
    names = cells[4].split(marks.part)
    return _Group((names[1:2] or names)[0] or names[0], (cells[3] or cells[2]).split(marks.part)[0], cells[7])


def _add(group: _Group, cells: list[str], marks: _Marks) -> None:
    if cells[0] == "OBX" and cells[2] not in _TEXTS:
        group.strange += 1
    elif cells[0] in ("OBX", "NTE"):
        text = cells[5] if cells[0] == "OBX" else cells[3]
        group.lines += [_unescaped(piece, marks) for piece in text.split(marks.again)]


def _reports(groups: list[_Group], number: int, patient: str, *, day: str, identifier: str) -> Reading:
    wanted = [group for group in groups if group.lines or group.strange]
    if not wanted:
        yield Unreadable(f"message {number}", "The message holds no text (no OBX segment).")
    for i, group in enumerate(wanted, start=1):
        place = f"message {number}" + (f", report {i}" if len(wanted) > 1 else "")
        suffix = f"-{i}" if len(wanted) > 1 and not group.id else ""

        def make(group: _Group = group, suffix: str = suffix) -> Document:
            if group.strange:
                raise RejectedNote("The report has values that are no text (pictures, numbers, files).")
            return build(
                "\n".join(group.lines),
                id=group.id or identifier + suffix,
                note_type=group.kind,
                patient_key=patient,
                written_on=day_of(group.day or day),
                submitted=False,
            )

        yield guarded(place, make)


def _unescaped(text: str, marks: _Marks) -> str:
    if marks.escape not in ("\\", " "):
        text = text.replace(marks.escape, "\\")
    letters = {"F": marks.field, "S": marks.part, "R": marks.again, "E": marks.escape, "T": marks.below}

    def one(found: re.Match[str]) -> str:
        code = found[1]
        if code in letters:
            return letters[code]
        if code.startswith((".br", ".sp", ".ce")):
            return "\n"
        if code[:1] == "X" and re.fullmatch(r"(?:[0-9A-Fa-f]{2})+", code[1:]):
            return bytes.fromhex(code[1:]).decode("latin-1")
        return "" if code in ("H", "N") or code[:1] == "." else found[0]

    return _ESCAPE.sub(one, text)
