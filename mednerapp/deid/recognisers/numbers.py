"""Numbers given to a person or a thing: records, plans, accounts, licences, vehicles, devices."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mednerapp.domain.identifiers import Identifier, IdentifierType

_T = IdentifierType
_JOIN = r"(?:\s*(?:is|was|of|as|number|numbers|num\.?|no\.?|nos\.?|nbr|id|ids|code|ref(?:erence)?|with|:|#|=|-|\(|\u2013)(?![A-Za-z]))*\s*"
_VALUE = r"(#?\s?(?=\S*\d)[A-Z0-9](?:[A-Z0-9]|[-/._](?=[A-Z0-9])|\s(?=\d{2,})){2,30})(?![A-Za-z0-9])"
# Words before a number, and what the number then is; the first that fits counts.
_CUES: tuple[tuple[IdentifierType, str], ...] = (
    (_T.SSN, r"ssn|ss#|soc(?:ial)?\.? ?sec(?:urity)?\.?|national insurance|nino|social insurance"),
    (
        _T.HEALTH_PLAN,
        r"health ?plan(?: beneficiary)?|beneficiary|insurance(?: plan| policy| card| member)?|policy|member(?:ship)?|subscriber|"
        r"plan|group|medicare|medicaid|medi-cal|hicn|mbi|payer|claims?|coverage|hpbn|hpb|hmo|ppo|aetna|cigna|humana|blue cross|bcbs|"
        r"united ?healthcare",
    ),
    (
        _T.MRN,
        r"mrns?|med(?:ical)?\.? rec(?:ord)?s?\.?|medical record|record|chart|hospital|nhs|chi|pt\.? ?id|patient|unit|hosp|emr|ehr|empi|"
        r"case record|mr|m\.r\.n\.?|umrn|urn",
    ),
    (
        _T.ACCOUNT,
        r"acc(?:oun)?t\.?|account|billing|invoice|bank|iban|routing|credit card|card|visa|mastercard|amex|sort code|guarantor|fin",
    ),
    (
        _T.LICENSE,
        r"licen[sc]e|lic\.?|dea|npi|gmc|nmc|registration|reg\.?|certificat(?:e|ion)|cert\.?|passport|driver'?s licen[sc]e|dl|permit|upin|"
        r"state id",
    ),
    (_T.VEHICLE, r"vin|vehicle|license plate|licence plate|number plate|plate|registration plate|tag"),
    (
        _T.DEVICE,
        r"serial|s/n|sn|(?:implant|device|lens|prosthesis) lot|device|imei|udi|lot|model|implant|pacemaker|generator|lead|pump|imsi|iccid|mac(?: address)?",
    ),
    (
        _T.OTHER,
        r"accession|specimen|sample|case|visit|encounter|order|req(?:uisition)?|study|subject|participant|trial|site|"
        r"reference|ref\.?|confirmation|ticket|badge|employee|student|user(?:name)?|identifier|identification|id|file|protocol|event|"
        r"donor|unos|biometric|fingerprint|csn|har|fin|room|locker",
    ),
)
_CUED = tuple(
    (kind, re.compile(rf"(?<![\w-])(?:{words})(?:'s)?{_JOIN}{_VALUE}", re.IGNORECASE)) for kind, words in _CUES
)
_WEAK = frozenset({_T.OTHER, _T.DEVICE, _T.HEALTH_PLAN})  # their words stand before trials and drug codes, too
# These stand before a number of another kind too often: the number has to be called one.
_LOOSE = re.compile(
    r"^(?!(?:implant|device|lens|prosthesis) lot)(?:hospital|patient|unit|record|chart|group|plan|member|policy|case|visit|order|study|site|lot|model|lead|pump|implant|device|"
    r"generator|pacemaker|card|bank|reg\.?|tag|sn|dl|id|mr|fin|room|medicare|medicaid|claims?|coverage|subject|trial|event|file|"
    r"sample|specimen|insurance|insurance plan|user|reference|ref\.?|protocol|vehicle|registration|certification|cert\.?|"
    r"permit|chi|har|urn|hosp|plate|billing|student|employee|participant|identification|donor|payer|locker|visa|badge)\b",
    re.IGNORECASE,
)
_SAID = re.compile(r"(?:number|num|no\b|nbr|#|:|\bid\b|=|\bcode\b|ref)", re.IGNORECASE)

_SSN = re.compile(r"(?<![\w-])\d{3}[-\u2013 ]\d{2}[-\u2013 ]\d{4}(?![\w-])")
# Shapes that nothing else in a note has.
_BARE = re.compile(
    r"(?<![\w./-])(?:"
    r"#\s?[A-Z]{1,6}-?\d{3,12}(?:-?[A-Z0-9]{1,6})?"  # #SF-998877
    r"|#\d{5,12}(?:-[A-Z0-9]{1,6})?"
    r"|[A-Z]{1,6}-?\d{5,12}(?:-[A-Z0-9]{1,8})?[A-Z]{0,3}"  # SJH-123456, RV123456
    r"|[A-Z]{2,5}-\d{4}"  # EM-2554
    r"|\d{4,10}-[A-Z]{2,4}"  # 12345-JS
    r"|\d{5,10}[A-Z]{1,4}"
    r"|\d{2,6}-\d{2,6}-\d{2,6}(?:-\d{2,6})?"  # 789-45-123
    r"|\d{3,6}-\d{3,8}"
    r"|\d{6,12}"
    r"|\d{3} \d{3} \d{4}"  # NHS
    r"|[A-Z]{2}\d{6}[A-D]"  # UK national insurance
    r")(?![\w/-]|\.\d|%)"
)
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?:\s?[A-Z0-9]{4}){3,7}(?:\s?[A-Z0-9]{1,3})?\b")
_CARD = re.compile(r"(?<![\w-])(?:\d{4}[ -]){3}\d{4}(?![\w-])|(?<![\w-])3\d{3}[ -]\d{6}[ -]\d{5}(?![\w-])")
_VIN = re.compile(r"\b(?=[A-HJ-NPR-Z0-9]{0,16}\d)(?=[A-HJ-NPR-Z0-9]{0,16}[A-HJ-NPR-Z])[A-HJ-NPR-Z0-9]{17}\b")
_PLATE_SHAPE = r"([A-Z]{1,3}[ -]?\d{2,4}(?:[ -]?[A-Z]{1,3})?|\d{1,4}[ -]?[A-Z]{2,3}(?:[ -]?\d{1,3})?)(?!\w|[.,]\d)"
_PLATE = re.compile(
    rf"\b(?i:registration|reg\.?|plates?|licen[sc]e plate|number plate|tags?)(?:[ ](?:no\.?|number|is|was))?[ :#]{{1,3}}{_PLATE_SHAPE}"
)
# With a word for a vehicle not far before it, which wants a plate of usual length.
_NEAR_VEHICLE = re.compile(
    r"\b(?i:cars?|trucks?|vans?|lorry|vehicles?|motor ?(?:cycle|bike|vehicle)|bike|scooter|taxi|cab|bus|sedan|suv|pickup|trailer|wheels|drives|drove|driving|driven|"
    rf"driver|parked|parking|plates?|registered|registration)\b[^.\n]{{0,40}}?(?<![\w-])(?=[A-Z\d -]{{5,9}}(?!\w)){_PLATE_SHAPE}"
)
_UUID = re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", re.IGNORECASE)
_PUBLIC = re.compile(
    r"^(?:NCT\d+|ISRCTN\d+|PMID:?\d+|PMC\d+|RS\d+|ICD-?\d+|COVID-?\d+|CYP\w+|HLA-\w+|DSM-\w+|SARS\w+|H\d+N\d+|"
    r"(?:MK|BMS|LY|ABT|AZD|GSK|PF|BAY|RO|TAK|INC|AMG|ABBV|SCH|SNDX|REGN|JNJ|GDC|LOXO|CA|CD|HIV|HCV|HPV|HBV|SF|FEV|PHQ|GAD|FIGO|PI|"
    r"COL|TNM|EQ|IL|TGF|TNF|AJCC|GLP|SGLT|DPP|PD|PDL|LDL|HDL|KRAS|BRCA)-?\d{1,6})$",
    re.IGNORECASE,
)
_UNIT_AFTER = re.compile(
    r"\s?(?:mg|mcg|g\b|kg|ml|mL|cc|units?\b|iu\b|/|k/|cells|copies|x10|mm|cm|steps|people|patients|per\b|participants|usd|dollars)",
    re.IGNORECASE,
)
_RANGE = re.compile(r"^\d{1,4}-\d{1,4}$")
_ROUND = re.compile(r"^\d+000$")  # a count: platelets 250000
_MONEY_BEFORE = re.compile(r"[$\u00a3\u20ac]\s?$")


def find(text: str) -> Iterator[Identifier]:
    for kind, pattern in _CUED:
        for match in pattern.finditer(text):
            value = match.group(1)
            if sum(c.isdigit() for c in value) < 3 or (kind in _WEAK and _is_public(value)):
                continue
            cue = text[match.start() : match.start(1)]
            if _LOOSE.match(cue) and not _SAID.search(cue + value[:1]):
                continue
            end = match.start(1) + len(value.rstrip())
            yield Identifier(match.start(1), end, kind, 0.92, "numbers")
    for pattern, kind, score in (
        (_SSN, _T.SSN, 0.85),
        (_IBAN, _T.ACCOUNT, 0.8),
        (_CARD, _T.ACCOUNT, 0.85),
        (_VIN, _T.VEHICLE, 0.8),
        (_UUID, _T.OTHER, 0.9),
    ):
        for match in pattern.finditer(text):
            yield Identifier(match.start(), match.end(), kind, score, "numbers")
    yield from _by_shape(text)


def _by_shape(text: str) -> Iterator[Identifier]:
    for pattern in (_PLATE, _NEAR_VEHICLE):
        for match in pattern.finditer(text):
            yield Identifier(match.start(1), match.end(1), _T.VEHICLE, 0.85, "numbers")
    for match in _BARE.finditer(text):
        value = match.group()
        if _is_public(value) or _RANGE.match(value) or _ROUND.match(value) or _UNIT_AFTER.match(text, match.end()):
            continue
        if _MONEY_BEFORE.search(text[max(0, match.start() - 2) : match.start()]):
            continue
        yield Identifier(match.start(), match.end(), _T.OTHER, 0.55, "numbers")


def _is_public(value: str) -> bool:
    """Trials, publications, genes, drug codes and scales carry numbers that say nothing about a person."""
    return bool(_PUBLIC.match(value.strip("# ")))
