"""FHIR R4: a Bundle with each note as a DocumentReference and after it a resource for each of its spans.

Place and label of a span are in an extension (code points), so that nothing is lost; beside it stands what FHIR itself
has to say of it: a Disease that is absent is a Condition that is refuted, one of a relative is no Condition of the
patient but a FamilyMemberHistory. A span without an assertion claims nothing: its status is unconfirmed or unknown.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mednerapp.domain.annotations import SpanState
from mednerapp.domain.assertions import Assertion
from mednerapp.domain.exchange import Document, ExchangeSpan
from mednerapp.errors import InvalidValue, RejectedNote
from mednerapp.formats.json_stream import items
from mednerapp.formats.reading import (
    Read,
    build,
    given_note_fields,
    guarded,
    note_fields,
    span_fields,
    span_from,
    span_of,
)
from mednerapp.formats.writing import Source, json_list

_SPAN, _NOTE = "urn:medner:span", "urn:medner:note"
KINDS = {
    **dict.fromkeys(("disease", "symptom", "condition", "diagnosis", "disorder", "problem", "finding"), "Condition"),
    **dict.fromkeys(("drug", "medication", "chemical", "vaccine"), "MedicationStatement"),
    **dict.fromkeys(("procedure", "treatment", "operation"), "Procedure"),
}
OTHER_KIND = "Observation"
_SYSTEM = "http://terminology.hl7.org/CodeSystem"
_VERIFICATION = {
    Assertion.PRESENT: "confirmed",
    Assertion.HISTORICAL: "confirmed",
    Assertion.ABSENT: "refuted",
    Assertion.POSSIBLE: "provisional",
}
_CLINICAL = {Assertion.PRESENT: "active", Assertion.HISTORICAL: "inactive"}
_STATUS: dict[str, dict[Assertion, str]] = {
    "MedicationStatement": {
        Assertion.PRESENT: "active",
        Assertion.HISTORICAL: "completed",
        Assertion.ABSENT: "not-taken",
    },
    "Procedure": {Assertion.PRESENT: "completed", Assertion.HISTORICAL: "completed", Assertion.ABSENT: "not-done"},
    "Observation": {Assertion.PRESENT: "final", Assertion.HISTORICAL: "final", Assertion.ABSENT: "cancelled"},
}


def write(documents: Source) -> Iterator[bytes]:
    """The Bundle, a collection."""

    def entries() -> Iterator[dict[str, Any]]:
        for number, document in enumerate(documents(), start=1):
            for resource in _resources(f"note-{number}", document):
                yield {"fullUrl": f"urn:medner:{resource['id']}", "resource": resource}

    return json_list('{"resourceType": "Bundle", "type": "collection", "entry": [', entries(), "]}")


def _resources(name: str, document: Document) -> Iterator[dict[str, Any]]:
    yield _reference(name, document)
    for number, item in enumerate(document.spans, start=1):
        yield {**_finding(document, item), "id": f"{name}-span-{number}", "extension": [_place(name, item)]}


def _reference(name: str, document: Document) -> dict[str, Any]:
    attachment: dict[str, Any] = {
        "contentType": "text/plain; charset=utf-8",
        "data": base64.b64encode(document.text.encode()).decode(),
    }
    found: dict[str, Any] = {
        "resourceType": "DocumentReference",
        "id": name,
        "status": "current",
        "content": [{"attachment": attachment}],
        "subject": _subject(document),
    }
    if document.id:
        found["identifier"] = [{"value": document.id}]
    if document.title:
        found["description"] = document.title
    if document.note_type:
        found["type"] = {"text": document.note_type}
    if document.written_on:
        found["date"] = f"{document.written_on.isoformat()}T00:00:00Z"
    known = {key: value for key, value in note_fields(document).items() if key in ("source", "annotator", "submitted")}
    if known:
        found["extension"] = [{"url": _NOTE, "extension": _strings(known)}]
    return found


def _subject(document: Document) -> dict[str, Any]:
    if document.patient_key:
        return {"identifier": {"value": document.patient_key}}
    return {"display": "unknown patient"}


def _strings(values: dict[str, str]) -> list[dict[str, Any]]:
    return [{"url": key, "valueString": value} for key, value in values.items()]


def _place(name: str, item: ExchangeSpan) -> dict[str, Any]:
    known = {"label": item.span.label, **({"id": item.id} if item.id else {}), **span_fields(item)}
    if item.span.fragments:
        known["pieces"] = ";".join(f"{a}-{b}" for a, b in item.span.fragments)
    return {
        "url": _SPAN,
        "extension": [
            {"url": "document", "valueReference": {"reference": f"DocumentReference/{name}"}},
            {"url": "start", "valueInteger": item.span.start},
            {"url": "end", "valueInteger": item.span.end},
            *_strings(known),
        ],
    }


def _finding(document: Document, item: ExchangeSpan) -> dict[str, Any]:
    """What FHIR itself says of the span; see the table above."""
    kind = KINDS.get(item.span.label.casefold(), OTHER_KIND)
    concept: dict[str, Any] = {"text": item.span.mention(document.text).strip() or item.span.label}
    if item.concepts:
        concept["coding"] = [{"code": code} for code in item.concepts]
    said = item.assertion if item.state is SpanState.CONFIRMED else None
    wrong = item.state is SpanState.REJECTED
    if item.assertion is Assertion.FAMILY:
        return {
            "resourceType": "FamilyMemberHistory",
            "status": "entered-in-error" if wrong else "partial",
            "patient": _subject(document),
            "relationship": {"text": "family member"},
            **({"condition": [{"code": concept}]} if kind == "Condition" else {"note": [{"text": concept["text"]}]}),
        }
    found: dict[str, Any] = {"resourceType": kind, "subject": _subject(document)}
    found["medicationCodeableConcept" if kind == "MedicationStatement" else "code"] = concept
    if kind == "Condition":
        status = "entered-in-error" if wrong else _VERIFICATION.get(said, "unconfirmed") if said else "unconfirmed"
        found["verificationStatus"] = _coded("condition-ver-status", status)
        if said is not None and said in _CLINICAL:
            found["clinicalStatus"] = _coded("condition-clinical", _CLINICAL[said])
        return found
    found["status"] = "entered-in-error" if wrong else _STATUS[kind].get(said, "unknown") if said else "unknown"
    return found


def _coded(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": f"{_SYSTEM}/{system}", "code": code}]}


def read(path: Path) -> Iterator[Read]:
    """Of a Bundle: each DocumentReference with the resources after it that name it. Of others' bundles the notes."""
    waiting: tuple[str, dict[str, Any], list[dict[str, Any]]] | None = None
    for number, resource in items(path, "entry.item.resource"):
        place = f"resource {number}"
        if not isinstance(resource, dict):
            yield guarded(place, lambda: _refuse("The entry holds no resource."))
        elif resource.get("resourceType") == "DocumentReference":
            if waiting:
                yield _finished(waiting)
            waiting = (place, resource, [])
        elif known := _known(resource, _SPAN):
            if waiting and str(known.get("document", "")).endswith(f"/{waiting[1].get('id')}"):
                waiting[2].append(known)
            else:
                yield guarded(place, lambda: _refuse("The span does not stand after its note."))
    if waiting:
        yield _finished(waiting)


def _refuse(reason: str) -> Document:
    raise RejectedNote(reason)


def _finished(waiting: tuple[str, dict[str, Any], list[dict[str, Any]]]) -> Read:
    place, resource, spans = waiting
    return guarded(place, lambda: _document(resource, spans))


def _known(resource: dict[str, Any], url: str) -> dict[str, Any]:
    """The values of an extension of ours, by name."""
    for extension in resource.get("extension") or ():
        if isinstance(extension, dict) and extension.get("url") == url:
            found: dict[str, Any] = {}
            for part in extension.get("extension") or ():
                value = next((part[key] for key in part if key.startswith("value")), None)
                found[part["url"]] = value.get("reference") if isinstance(value, dict) else value
            return found
    return {}


def text_of(resource: dict[str, Any]) -> str:
    """The plain text of a DocumentReference.

    Raises:
        RejectedNote: it has none inside; an address of one is never followed.
    """
    for content in resource.get("content") or ():
        attachment = content.get("attachment") or {}
        kind = str(attachment.get("contentType") or "text/plain").casefold()
        if attachment.get("data") and kind.startswith("text/plain"):
            return base64.b64decode(attachment["data"], validate=True).decode("utf-8")
    raise RejectedNote("The DocumentReference holds no plain text (an address in it is not followed).")


def _document(resource: dict[str, Any], spans: list[dict[str, Any]]) -> Document:
    subject = resource.get("subject") or {}
    known = {
        **_known(resource, _NOTE),
        "title": resource.get("description"),
        "note_type": (resource.get("type") or {}).get("text"),
        "patient_key": (subject.get("identifier") or {}).get("value") or subject.get("reference"),
        "written_on": resource.get("date"),
    }
    name = next((i.get("value") for i in resource.get("identifier") or () if i.get("value")), "")
    return build(text_of(resource), [_span(s) for s in spans], id=str(name), **given_note_fields(known))


def _span(known: dict[str, Any]) -> ExchangeSpan:
    pairs = [piece.split("-") for piece in str(known.get("pieces") or "").split(";") if piece]
    if any(len(pair) != 2 for pair in pairs):
        raise InvalidValue("Pieces are written start-end;start-end.")
    span = span_of(known["start"], known["end"], known["label"], [(int(a), int(b)) for a, b in pairs])
    return span_from(span, known, id=str(known.get("id") or ""))
