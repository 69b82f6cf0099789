"""HL7 version 2: the text of ORU (results) and MDM (documents) messages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

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
    if len(head) < 8 or head[3].isalnum():
        yield guarded(f"message {number}", lambda: _refuse("The MSH segment names no separators."))
        return
    bar, (part, again, escape, below) = head[3], (head[4:8] + "    ")[:4]
    marks = {"F": bar, "S": part, "R": again, "E": escape, "T": below}
    fields = head.split(bar)
    kind = (fields[8] if len(fields) > 8 else "").split(part)[0]
    if kind not in ("ORU", "MDM"):
        yield guarded(f"message {number}", lambda: _refuse("The message is neither ORU nor MDM."))
        return
    patient, groups = "", [_Group()]
    for segment in segments[1:]:
        cells = segment.split(bar)
        name = cells[0]
        at = cells + [""] * 20
        if name == "PID":
            patient = (at[3] or at[2]).split(again)[0].split(part)[0]
        elif name in ("OBR", "TXA"):
            if groups[-1].lines or groups[-1].kind:
                groups.append(_Group())
            if name == "OBR":
                names = at[4].split(part)
                groups[-1] = _Group((names[1:2] or names)[0] or names[0], (at[3] or at[2]).split(part)[0], at[7])
            else:
                groups[-1] = _Group(at[2].split(part)[0], at[12].split(part)[0], at[4] or at[6])
        elif name == "OBX":
            if at[2] in _TEXTS:
                groups[-1].lines += [_unescaped(piece, marks, escape) for piece in at[5].split(again)]
            else:
                groups[-1].strange += 1
        elif name == "NTE":
            groups[-1].lines += [_unescaped(piece, marks, escape) for piece in at[3].split(again)]
    day = fields[6] if len(fields) > 6 else ""
    identifier = fields[9] if len(fields) > 9 else ""
    yield from _reports(groups, number, patient, day, identifier)


def _reports(groups: list[_Group], number: int, patient: str, day: str, identifier: str) -> Iterator[object]:
    wanted = [group for group in groups if group.lines or group.strange]
    if not wanted:
        yield guarded(f"message {number}", lambda: _refuse("The message holds no text (no OBX segment)."))
    for i, group in enumerate(wanted, start=1):
        place = f"message {number}" + (f", report {i}" if len(wanted) > 1 else "")
        suffix = f"-{i}" if len(wanted) > 1 and not group.id else ""

        def make(group: _Group = group, suffix: str = suffix):  # noqa: ANN202 - as build
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


def _unescaped(text: str, marks: dict[str, str], escape: str) -> str:
    if escape != "\\":
        text = text.replace(escape, "\\") if escape.strip() else text

    def one(found: re.Match[str]) -> str:
        code = found[1]
        if code in marks:
            return marks[code]
        if code.startswith((".br", ".sp", ".ce")):
            return "\n"
        if code[:1] == "X" and re.fullmatch(r"(?:[0-9A-Fa-f]{2})+", code[1:]):
            return bytes.fromhex(code[1:]).decode("latin-1")
        return "" if code in ("H", "N") or code[:1] == "." else found[0]

    return _ESCAPE.sub(one, text)


def _refuse(reason: str):  # noqa: ANN202 - never returns
    raise RejectedNote(reason)
