"""Label Studio JSON: tasks with annotations (by people) and predictions (by models). Offsets are UTF-16 units.

Assertion and doubt are choices of the region (`perRegion` in its configuration), a comment is the region's text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from mednerapp.domain.annotations import Origin, SpanState
from mednerapp.domain.assertions import Assertion
from mednerapp.domain.exchange import Document, ExchangeSpan
from mednerapp.formats.json_stream import items
from mednerapp.formats.offsets import Convert, from_utf16, to_utf16
from mednerapp.formats.reading import Read, build, given_note_fields, guarded, note_fields, span_of
from mednerapp.formats.writing import Source, json_list

__all__ = ["configuration", "read", "write"]
_UNSURE = "unsure"
_ORIGIN = {Origin.PERSON: "manual", Origin.MODEL: "prediction"}


def write(documents: Source) -> Iterator[bytes]:
    """The list. What a model suggests and nobody has looked at is a prediction, everything else an annotation."""
    return json_list("[", (_task(document) for document in documents()), "]")


def configuration(labels: Iterable[str]) -> str:
    """The labelling interface that the tasks are for, to be pasted into a project of Label Studio."""
    shown = "".join(f'<Label value="{_quoted(label)}"/>' for label in labels)
    choices = "".join(f'<Choice value="{assertion.value}"/>' for assertion in Assertion)
    return (
        f'<View><Labels name="label" toName="text">{shown}</Labels><Text name="text" value="$text"/>'
        f'<Choices name="assertion" toName="text" perRegion="true">{choices}</Choices>'
        f'<Choices name="doubt" toName="text" perRegion="true"><Choice value="{_UNSURE}"/></Choices></View>'
    )


def _quoted(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")


def _task(document: Document) -> dict[str, Any]:
    unit = to_utf16(document.text)
    mine = [item for item in document.spans if item.state is SpanState.CONFIRMED]
    theirs = sorted((item for item in document.spans if item.state is SpanState.SUGGESTED), key=lambda i: i.model)
    named = {"id": document.id} if document.id else {}
    known = {name: value for name, value in note_fields(document).items() if name not in ("annotator", "submitted")}
    annotation = {
        "was_cancelled": False,
        "result": [result for item in mine for result in _results(document.text, unit, item)],
    }
    return {
        "data": {"text": document.text, **named, **known},
        "annotations": [annotation],
        "predictions": [
            {
                "model_version": model,
                "result": [r for item in group for r in _results(document.text, unit, item)],
            }
            for model, group in groupby(theirs, key=lambda item: item.model)
        ],
    }


def _results(text: str, unit: Convert, item: ExchangeSpan) -> Iterator[dict[str, Any]]:
    place = {"start": unit(item.span.start), "end": unit(item.span.end), "text": item.span.mention(text)}
    region = {"id": item.id, "to_name": "text"}
    score = {} if item.score is None else {"score": item.score}
    comment = {"meta": {"text": [item.comment]}} if item.comment else {}
    yield {
        **region, "from_name": "label", "type": "labels", "origin": _ORIGIN[item.origin], **score, **comment,
        "value": {**place, "labels": [item.span.label]},
    }  # fmt: skip
    for name, choice in (("assertion", item.assertion), ("doubt", _UNSURE if item.unsure else None)):
        if choice:
            chosen = {**place, "choices": [str(choice)]}
            origin = _ORIGIN[item.assertion_by or Origin.PERSON]
            yield {**region, "from_name": name, "type": "choices", "origin": origin, "value": chosen}


def read(path: Path) -> Iterator[Read]:
    """A document for each annotation of a task that was not cancelled, with the predictions as suggestions; one with
    the predictions alone where nobody has annotated.
    """
    for number, task in items(path, "item"):
        place = f"task {number}"
        try:
            given = [a for a in task.get("annotations") or () if not a.get("was_cancelled")] or [None]
        except (AttributeError, TypeError):
            given = [None]
        for annotation in given:
            yield guarded(place, lambda t=task, a=annotation: _document(t, a))


def _document(task: dict[str, Any], annotation: dict[str, Any] | None) -> Document:
    data = task["data"]
    text = data["text"]
    unit = from_utf16(text)
    spans = list(_spans(annotation["result"], unit, SpanState.CONFIRMED, "")) if annotation else []
    for prediction in task.get("predictions") or ():
        spans += _spans(prediction["result"], unit, SpanState.SUGGESTED, str(prediction.get("model_version") or ""))
    name = data.get("id", task.get("id"))
    fields = given_note_fields(data)
    fields["submitted"] = annotation is not None
    who = (annotation or {}).get("completed_by")
    fields["annotator"] = str(who.get("email", "") if isinstance(who, dict) else who or "")
    return build(text, spans, id="" if name is None else str(name), **fields)


def _spans(results: list[dict[str, Any]], unit: Convert, state: SpanState, model: str) -> Iterator[ExchangeSpan]:
    choices = {
        (result["id"], result["from_name"]): (result["value"]["choices"][0], str(result.get("origin") or ""))
        for result in results
        if result.get("type") == "choices" and result.get("id") and result["value"].get("choices")
    }
    for result in results:
        if result.get("type") != "labels":
            continue
        said, by = choices.get((result["id"], "assertion"), ("", ""))
        usual = _ORIGIN[Origin.MODEL if state is SpanState.SUGGESTED else Origin.PERSON]
        made = str(result.get("origin") or usual)
        for label in result["value"]["labels"]:
            yield ExchangeSpan(
                span_of(unit(result["value"]["start"]), unit(result["value"]["end"]), label),
                id=str(result["id"]),
                state=state,
                origin=_maker(made),
                score=result.get("score"),
                model=model,
                assertion=Assertion(said) if said in set(Assertion) else None,
                assertion_by=_maker(by) if said in set(Assertion) else None,
                comment=" ".join((result.get("meta") or {}).get("text") or ()),
                unsure=choices.get((result["id"], "doubt"), ("",))[0] == _UNSURE,
            )


def _maker(origin: str) -> Origin:
    """What begins with "prediction" is a model's, everything else a person's."""
    return Origin.MODEL if origin.startswith("prediction") else Origin.PERSON
