"""FHIR resources and CDA documents as hospitals send them."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from mednerapp.domain.exchange import Document
from mednerapp.errors import RejectedNote
from mednerapp.formats.reading import build, guarded
from mednerapp.formats.uploads.documents import html_text, pdf_text, rtf_text
from mednerapp.formats.uploads.options import Options, Reading, decode
from mednerapp.formats.uploads.rows import day_of

_V3 = "{urn:hl7-org:v3}"
_KINDS = ("DocumentReference", "DiagnosticReport")


def fhir(data: bytes, options: Options) -> Reading:
    """The notes of a Bundle, of a single resource, or of one resource a line.

    Raises:
        RejectedNote: there is none.
    """
    text = decode(data, options)
    try:
        given = [json.loads(text)]
    except RecursionError:
        raise RejectedNote("The JSON is nested too deeply.") from None
    except ValueError:
        given = _by_lines(text)
    number = 0
    for resource in _resources(given):
        number += 1
        yield guarded(f"resource {number}", lambda r=resource: _note(r))
    if not number:
        raise RejectedNote(f"The file holds no FHIR resource of the kinds {' and '.join(_KINDS)}.")


def _by_lines(text: str) -> Iterator[Any]:
    try:
        yield from (json.loads(line) for line in text.splitlines() if line.strip())
    except (ValueError, RecursionError):
        raise RejectedNote("The file is not JSON.") from None


def _resources(given: Any) -> Iterator[dict[str, Any]]:
    for value in given:
        if not isinstance(value, dict):
            continue
        if value.get("resourceType") == "Bundle":
            entries = value.get("entry")
            yield from _resources(e.get("resource") for e in entries or () if isinstance(e, dict))
        elif value.get("resourceType") in _KINDS:
            yield value


def _note(resource: dict[str, Any]) -> Document:
    report = resource["resourceType"] == "DiagnosticReport"
    attachments = (
        resource.get("presentedForm") if report else [c.get("attachment") for c in resource.get("content") or ()]
    )
    text = ""
    for attachment in attachments or ():
        text = text or _attached(attachment or {})
    text = (
        text or html_text(str((resource.get("text") or {}).get("div") or "")) or str(resource.get("conclusion") or "")
    )
    if not text and any((a or {}).get("url") for a in attachments or ()):
        raise RejectedNote("The text is behind an address, and addresses are not followed.")
    kind = resource.get("code" if report else "type") or {}
    named = kind.get("text") or next((c.get("display") for c in kind.get("coding") or () if c.get("display")), "")
    subject = resource.get("subject") or {}
    patient = (subject.get("identifier") or {}).get("value") or str(subject.get("reference") or "").split("/")[-1]
    names = [i.get("value") for i in resource.get("identifier") or () if i.get("value")]
    return build(
        text,
        id=str(names[0] if names else resource.get("id") or ""),
        title=str(resource.get("description") or ""),
        note_type=str(named or ""),
        patient_key=str(patient),
        written_on=day_of(str(resource.get("effectiveDateTime" if report else "date") or "")[:10]),
        submitted=False,
    )


def _attached(attachment: dict[str, Any]) -> str:
    data = attachment.get("data")
    if not data:
        return ""
    raw = base64.b64decode(data, validate=True)
    kind = str(attachment.get("contentType") or "text/plain").partition(";")[0].strip().casefold()
    return _ATTACHED[kind](raw) if kind in _ATTACHED else ""


def _plain(raw: bytes) -> str:
    return raw.decode("utf-8-sig")


def _page(raw: bytes) -> str:
    return html_text(_plain(raw))


def cda(data: bytes) -> Reading:
    """The narrative of a CDA document: titles and texts of its sections.

    Raises:
        RejectedNote: it is none.
    """
    root = _root(data)
    if root.tag != f"{_V3}ClinicalDocument":
        raise RejectedNote("The XML is no CDA document. (BioC and others: import them as an exchange format.)")
    yield guarded("document", lambda: _cda(root))


def _root(data: bytes) -> Element:
    try:
        return fromstring(data)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise RejectedNote(f"The file is no XML that is read here ({type(error).__name__}).") from None


def _cda(root: Element) -> Document:
    patient = root.find(f"{_V3}recordTarget/{_V3}patientRole/{_V3}id")
    identifier, code, at = (root.find(f"{_V3}{name}") for name in ("id", "code", "effectiveTime"))

    def given(node: Element | None, *names: str) -> str:
        return next((node.get(n, "") for n in names if node.get(n)), "") if node is not None else ""

    return build(
        _narrative(root),
        id=given(identifier, "extension", "root"),
        title="".join(root.findtext(f"{_V3}title") or "").strip(),
        note_type=given(code, "displayName"),
        patient_key=given(patient, "extension", "root"),
        written_on=day_of(given(at, "value")[:8]),
        submitted=False,
    )


def _narrative(root: Element) -> str:
    body = root.find(f"{_V3}component/{_V3}nonXMLBody/{_V3}text")
    if body is not None:
        kind = {"representation": body.get("representation", ""), "mediaType": body.get("mediaType", "text/plain")}
        if body.find(f"{_V3}reference") is not None:
            raise RejectedNote("The text is behind an address, and addresses are not followed.")
        content = "".join(body.itertext())
        if kind["representation"] == "B64":
            return _attached({"data": "".join(content.split()), "contentType": kind["mediaType"]})
        return content
    pieces: list[str] = []
    for section in root.iter(f"{_V3}section"):
        title, text = section.find(f"{_V3}title"), section.find(f"{_V3}text")
        if title is not None:
            pieces.append("".join(title.itertext()).strip())
        if text is not None:
            pieces.append("\n".join(_lines(text)))
    return "\n".join(piece for piece in pieces if piece.strip())


_BREAKS = frozenset(("paragraph", "item", "tr", "br", "list", "table", "caption"))


def _lines(node: Element) -> list[str]:
    pieces: list[str] = []
    stack: list[tuple[Element, bool]] = [(node, True)]
    while stack:  # no recursion: the depth is the sender's choice
        current, opening = stack.pop()
        name = current.tag.rpartition("}")[2]
        if opening:
            pieces.append("\n" if name in _BREAKS else "\t" if name in ("td", "th") else "")
            pieces.append(" ".join((current.text or "").split()) + _edge(current.text))
            stack.append((current, False))
            stack += [(child, True) for child in reversed(current)]
        else:
            pieces.append("\n" if name in _BREAKS else "")
            if current is not node:
                pieces.append(
                    _edge(current.tail, front=True) + " ".join((current.tail or "").split()) + _edge(current.tail)
                )
    return [line.strip(" \t") for line in "".join(pieces).split("\n") if line.strip()]


def _edge(text: str | None, *, front: bool = False) -> str:
    """One blank where the text has some at that edge."""
    if not text or not text.strip():
        return ""
    return " " if (text[0] if front else text[-1]).isspace() else ""


_ATTACHED: dict[str, Callable[[bytes], str]] = {
    "text/plain": _plain,
    "text/markdown": _plain,
    "text/html": _page,
    "application/xhtml+xml": _page,
    "application/pdf": pdf_text,
    "application/rtf": rtf_text,
    "text/rtf": rtf_text,
    "text/xml": lambda raw: _narrative(_root(raw)),
    "application/xml": lambda raw: _narrative(_root(raw)),
    "application/hl7-v3+xml": lambda raw: _narrative(_root(raw)),
}
