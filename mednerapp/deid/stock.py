"""Presidio's own recognisers, without a model and without a network.

Presidio and spaCy are loaded when the first note is looked at, and torch is kept out: spaCy would import it only to
know that it is there. Nothing is downloaded: the language is spaCy's blank English, and the list of public suffixes that
the e-mail recogniser would fetch is the copy inside tldextract.
"""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import Any

from mednerapp.domain.identifiers import Identifier, IdentifierType

_T = IdentifierType
# What Presidio calls it, what we call it. Entities that are not here are nothing that a note must not hold.
TYPES: dict[str, IdentifierType] = {
    "CREDIT_CARD": _T.ACCOUNT,
    "CRYPTO": _T.ACCOUNT,
    "DATE_TIME": _T.DATE,
    "EMAIL_ADDRESS": _T.EMAIL,
    "IBAN_CODE": _T.ACCOUNT,
    "IP_ADDRESS": _T.IP,
    "LOCATION": _T.LOCATION,
    "MAC_ADDRESS": _T.DEVICE,
    "MEDICAL_LICENSE": _T.LICENSE,
    "PERSON": _T.NAME,
    "PHONE_NUMBER": _T.PHONE,
    "UK_NHS": _T.MRN,
    "URL": _T.URL,
    "US_BANK_NUMBER": _T.ACCOUNT,
    "US_DRIVER_LICENSE": _T.LICENSE,
    "US_ITIN": _T.SSN,
    "US_MBI": _T.HEALTH_PLAN,
    "US_NPI": _T.LICENSE,
    "US_PASSPORT": _T.LICENSE,
    "US_SSN": _T.SSN,
}
# Beside ours only those that check a sum or know a numbering plan; the rest ours does with more context.
CHECKED = (
    "CREDIT_CARD",
    "CRYPTO",
    "EMAIL_ADDRESS",
    "IBAN_CODE",
    "IP_ADDRESS",
    "MAC_ADDRESS",
    "MEDICAL_LICENSE",
    "UK_NHS",
    "US_MBI",
    "US_NPI",
    "US_SSN",
)
_UNWANTED = ("torch", "tensorflow", "mxnet", "cupy", "transformers")
_LOADING = Lock()


def find(text: str) -> Iterator[Identifier]:
    """What the recognisers with a check of their own find; see CHECKED."""
    yield from _results(text, entities=CHECKED, least=0.5)


def find_all(text: str) -> Iterator[Identifier]:
    """All that Presidio finds as it is, for the comparison in `mednerapp deid evaluate`."""
    yield from _results(text, entities=None, least=0.0)


def _results(text: str, *, entities: Iterable[str] | None, least: float) -> Iterator[Identifier]:
    engine = _engine()
    known = set(engine.get_supported_entities("en"))
    asked = sorted(known.intersection(entities)) if entities is not None else None
    for result in engine.analyze(text, language="en", entities=asked):
        if result.score >= least and result.end > result.start:
            kind = TYPES.get(result.entity_type, _T.OTHER)
            yield Identifier(result.start, result.end, kind, min(1.0, max(0.01, result.score)), "presidio")


@cache
def _engine() -> Any:
    with _LOADING, _without(*_UNWANTED):
        from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
        from presidio_analyzer.nlp_engine import SlimSpacyNlpEngine
        from presidio_analyzer.predefined_recognizers import EmailRecognizer
        from tldextract import TLDExtract

    nlp = SlimSpacyNlpEngine(models=[{"lang_code": "en", "model_name": "blank:en"}], auto_download=False)
    nlp.load()
    registry = RecognizerRegistry()
    registry.load_predefined_recognizers(languages=["en"], nlp_engine=nlp)
    suffixes = TLDExtract(suffix_list_urls=(), cache_dir=None)

    class OfflineEmailRecognizer(EmailRecognizer):
        def validate_result(self, pattern_text: str) -> bool:
            return bool(suffixes(pattern_text).fqdn)

    registry.remove_recognizer("EmailRecognizer")
    registry.add_recognizer(OfflineEmailRecognizer())
    return AnalyzerEngine(registry=registry, nlp_engine=nlp, supported_languages=["en"])


@contextmanager
def _without(*modules: str) -> Generator[None]:
    """Imports of these modules fail inside, unless somebody imported them before."""
    kept_out = [name for name in modules if name not in sys.modules]
    sys.modules.update(dict.fromkeys(kept_out))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in kept_out:
            sys.modules.pop(name, None)
