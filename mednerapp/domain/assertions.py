"""What a note says about a mention: that the thing is there, is not, may be, was, or is somebody else's."""

from __future__ import annotations

from enum import StrEnum


class Assertion(StrEnum):
    """The six classes of the i2b2/VA 2010 task, with historical in place of hypothetical.

    Source: Uzuner et al., "2010 i2b2/VA challenge on concepts, assertions, and relations in clinical text", JAMIA 2011;
    historical after ConText (Harkema et al., J Biomed Inform 2009).
    """

    PRESENT = "present"
    ABSENT = "absent"
    POSSIBLE = "possible"
    CONDITIONAL = (
        "conditional"  # only under a condition, or if it should happen: "call if fever", "dyspnoea on exertion"
    )
    HISTORICAL = "historical"
    FAMILY = "family"  # somebody else's than the patient's
