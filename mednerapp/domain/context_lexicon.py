"""The trigger words of `domain.context`, written for this product: British and American clinical English.

Bars and line ends stand between phrases, all in lower case. "(a/b)" in a phrase stands for either; "[a]" may be left
out. That there are such phrases, and of which kinds, is the idea of NegEx (Chapman et al., J Biomed Inform 2001) and
ConText (Harkema et al., J Biomed Inform 2009).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from itertools import product

from mednerapp.domain.assertions import Assertion


def _words(table: str) -> frozenset[str]:
    return frozenset(table.split())


class Reach(Enum):
    """How far a trigger reaches."""

    SENTENCE = "to the end of the sentence or a word that ends scopes"
    PHRASE = "to the next comma or bracket besides"
    WORD = "over one word"


class Way(Enum):
    """In which direction a trigger reaches."""

    FORWARD = "forward"
    BACKWARD = "backward"
    EITHER = "forward; backward where its phrase ends behind it, or after is/was"


@dataclass(frozen=True, slots=True)
class Trigger:
    """assertion None: a phrase that looks like a trigger and is none, or that ends scopes (`ends`)."""

    assertion: Assertion | None
    way: Way = Way.FORWARD
    reach: Reach = Reach.SENTENCE
    ends: bool = False


_A, _P, _C = Assertion.ABSENT, Assertion.POSSIBLE, Assertion.CONDITIONAL
_H, _F = Assertion.HISTORICAL, Assertion.FAMILY
_FORWARD, _BACKWARD, _EITHER = Way.FORWARD, Way.BACKWARD, Way.EITHER
_PHRASE = Reach.PHRASE

_TABLE: tuple[tuple[Trigger, str], ...] = (
    (
        Trigger(None),  # look like triggers
        """
        no [significant/interval/appreciable/real] (increase/change/improvement/relief)
        no [significant/interval/appreciable/real] (response/benefit/difference/effect)
        no (doubt/worse/better/matter/one/longer than/more than/less than/sooner/alternative/cause for/cause of)
        no [clear/obvious/known] (cause/contraindication/contraindications) [for/of/to] | nil by mouth
        no known cause
        not (tolerating/responding/happy/keen/willing/able/worn/indicated)
        not (only/just/controlled/improved/improving/improve)
        not (responded/respond/tolerated/tolerate/settled/settling/settle)
        not (resolved/resolve/yet/changed/fully/completely/well)
        not (better/much/as/limited to/well controlled/be surprised/stop)
        not (to be missed/helped/help/relieved/eased/ease/managing/taken/interfere) | not drain | not entirely
        (does/did/do) not (improve/respond/tolerate/settle/resolve/help/ease/relieve) | no better than
        (gram/triple/rhesus/rh/er/pr/her2) negative
        negative (pressure/inspiratory/margin/margins/feedback/symptoms)
        without (difficulty/improvement/relief/benefit/change/incident/warning/delay/effect) | if not
        history of present (illness/complaint)
        (day/days/week/weeks/month/months/hour/hours/year/years/hr/wk/yr) history of
        (day/days/week/weeks/month/months/hour/hours/year/years) hx of | long history of
        long-standing history of | (year/years/month/months/day/days/week/weeks/yr/yrs/y) old | how old
        previously (well/fit/healthy) | prior to | history (from/taken/obtained/given/provided)
        likely to (need/benefit/require) | as if | even if | if possible | when possible | as soon as possible
        if required | if needed | if tolerated | whenever possible | possible to | queried (why/whether/how)
        query whether | risk assessment | risk factor
        past (week/day/few/month/two/three/24/48/couple/hour/hours/days/weeks/several)
        previous (note/notes/letter/clinic/visit/appointment/ward/regimen/dose/level/levels/day/night/week)
        prior (visit/appointment/note/notes/study/exam) | consider (whether/if) | may have been told | may 1
        should be (given/able)
        """,
    ),
    (
        Trigger(None, ends=True),  # end scopes
        """
        beyond | apart | but | however | although | though
        except | except for | apart from | aside from | other than | besides
        yet | nevertheless | nonetheless | because | due to | owing to | secondary to | as a result of | despite
        in spite of | whereas | while | whilst | who | he | she | they | i | we | patient | the patient | pt
        still | since | therefore | so | presents | presented | presenting | presents with | presented with
        who presents with | reports | reported | complains | complained | complaining | c/o | admits | endorses
        states | stated | then | until | instead | now | has | had | remains | remained | continues | continued
        started | commenced | developed | treated | was treated | was given | given | please | plan to
        otherwise | today | currently | background of | on a background of
        """,
    ),
    (
        Trigger(_A),
        """
        no | nor | neither | never | nil | without | w/o | without [any] evidence of | denies | denied
        denying | deny | denies any | denied any | denies having
        no [clinical/radiological/definite/clear/convincing/further/current] evidence (of/for/that)
        no evidence to suggest | no [other/further/new/obvious/acute] (sign/signs/symptoms/features) (of/for)
        no [other/further/new/obvious/acute] (suggestion/suspicion/indication/concern) (of/for)
        nothing to suggest | nothing suggestive of | no features to suggest
        no (history/hx/h/o/past history/previous history) of
        no (known/previous/prior/significant/past/personal/relevant) (history/hx) of | no known | no previous
        no prior | no past | not suggestive of | not consistent with
        not (in keeping/compatible) with | not due to | rather than | negative for | neg for | -ve for
        tested negative for | ruled out for | absence of | lack of | lacks | free of | free from | clear of
        no longer | no longer (has/had/having/takes/taking) | denies [any] history of
        does not (have/report/describe/complain of/suffer from/take/show/demonstrate/reveal/appear to have)
        did not (have/report/describe/complain of/suffer from/take/show/demonstrate/reveal)
        do not (have/see/think/believe) | has not (had/been having/noticed/experienced)
        have not (had/seen/noticed) | had not had | has had no | fails to reveal
        failed to (reveal/show/demonstrate) | doesn't | didn't | don't | isn't | wasn't | hasn't | haven't
        hadn't | aren't | weren't | declined | declines | refused | refuses | ruled out by | cannot see
        cannot feel | negative (ros for/review for) | r/o'd | nor any | not on | not taking | not known to have
        not had
        """,
    ),
    (Trigger(_A, _FORWARD, _PHRASE), "not"),
    (
        Trigger(_A, _BACKWARD),
        """
        not (seen/present/identified/found/detected/demonstrated/noted)
        not (observed/felt/heard/reported/visualised/visualized/evident)
        (was/were/is/are) not (seen/present/identified/found/detected/demonstrated)
        (was/were/is/are) not (noted/observed/felt/heard/reported/visualised)
        (was/were/is/are) not (visualized/evident/palpable/audible/apparent)
        not (palpable/audible/apparent/elicited/visible)
        (was/were/is/are/has been/have been/been) (ruled out/excluded/denied/absent/refuted/declined/refused)
        absent | (denied by/is negative/was negative/were negative/are negative) | r/o'd
        never (materialised/developed/occurred) | unremarkable for | effectively excluded | safely excluded
        now excluded | not confirmed | (was/were) not confirmed
        no longer (present/seen/visible/felt/heard/needed/an issue)
        """,
    ),
    (Trigger(_A, _BACKWARD, _PHRASE), "negative | neg | -ve"),
    (Trigger(_A, _BACKWARD, Reach.WORD), "free"),
    (Trigger(_A, _EITHER), "excluded | ruled out | excludes | rules out"),
    (
        Trigger(_P),
        """
        suspicion of | suspicious for | concern for | concerns for | concerning for | concerned about
        worrying for | worry about | may (be/have/represent/reflect/indicate/suggest/be due to)
        might (be/have/represent/reflect/indicate) | could (be/have/represent/reflect/indicate) | could well be
        may well be | may also (be/have) | r/o | rule out | to exclude | exclude | to rule out | must exclude
        (cannot/can't/could not/unable to/can not) (exclude/rule out) | not (excluded/ruled out)
        does not (exclude/rule out) | query | suggestive of | suggests | suggest | suggesting | presumed
        presumably | probably | possibly | perhaps | maybe | differential | differential diagnosis [of] | ddx
        differentials | differential (includes/include/is) | working diagnosis [of] | provisional diagnosis [of]
        (possibility/likelihood/probability) of | not (sure/certain) (if/whether) | unclear (if/whether/why)
        uncertain (if/whether) | wonder (if/about/whether) | wondering (if/about/whether)
        wondered (if/about/whether) | think it is | i think this is | thought to (be/have/represent)
        felt to (be/represent) | question of | questionable | equivocal for | likely due to | likely to be
        most likely | unlikely to (be/have) | low suspicion (for/of) | high suspicion (for/of)
        high index of suspicion for | appears to (be/have) | seems to (be/have) | looks like
        not necessarily | evaluate for | assess for | investigate for | screening for
        screen for | ?? | investigation of | work-up for | workup for | in case this is | whether this is
        not clear (if/whether) | consideration of | potential
        """,
    ),
    (
        Trigger(_P, _BACKWARD),
        """
        (cannot/can't) [entirely/completely/yet] be [entirely/completely/safely] (excluded/ruled out)
        (could not/can not) [entirely/completely/yet] be [entirely/completely/safely] (excluded/ruled out)
        cannot be ruled out entirely
        (was/were/is/are/has/have/had) not [been/yet been] [yet/entirely] (excluded/ruled out)
        not [been] (excluded/ruled out) | not [yet/entirely] (excluded/ruled out)
        (is/was/are/were) [more/less/very/quite/most/highly] (likely/unlikely/probable)
        (seems/seem/appears/thought/felt) [more/less/very/quite/most/highly] (likely/unlikely/probable)
        (is/was/are/were) [more/less/very/quite/most/highly] (possible/suspected/improbable/queried)
        (seems/seem/appears/thought/felt) [more/less/very/quite/most/highly] (possible/suspected)
        (seems/seem/appears/thought/felt) [more/less/very/quite/most/highly] (improbable/queried)
        (is/was) in the differential | in the differential | on the differential | (is/was) a possibility
        (is/was) considered | was raised | (is/was) being considered | less likely | more likely
        remains (possible/a possibility/on the differential/likely) | needs to be (excluded/ruled out)
        to be (excluded/ruled out) | not certain
        """,
    ),
    (
        Trigger(_P, _EITHER),
        """
        possible | probable | suspected | suspect | likely | unlikely | queried | equivocal | ? cause
        """,
    ),
    (Trigger(_P, _EITHER, _PHRASE), "vs | versus"),
    (Trigger(_P, _FORWARD, _PHRASE), "consider"),
    (
        Trigger(_C),
        """
        if | unless | in case of | in the event of | in the event that | return if
        should (he/she/they/you/it/this/that/there/symptoms/any/the/her/his/your) | should further | whenever
        (as/if/when) (needed/required) for | prn for | p.r.n for
        (watch/monitor/look/observe) [out/closely] for | (signs/symptoms) to watch for | risk of | risks of
        at risk (of/for) | risks (include/included/are/were) | [the] risks | allergic to | allergy to
        intolerant of | intolerance to | to prevent | prevention of | prophylaxis (of/for/against)
        in order to prevent | to avoid | to reduce [the] risk of | were (he/she/they) to | would need
        return precautions | red flags [for/of/explained/discussed/include] | safety netted (for/about/re)
        warned (about/of/regarding) | counselled (about/regarding) | worsening advice | report any
        seek help for | come back with | return with | return for [any] | ring (if/with) | call (if/with/for)
        can cause | may cause | could cause | only when | only with | consented for
        possible (side effects/complications) | side effects (include/including)
        potential (complications/side effects) [of/include/including]
        """,
    ),
    (
        Trigger(_C, _BACKWARD, _PHRASE),
        """
        (on/with) [mild/moderate/minimal/strenuous/heavy/any/severe/the slightest] (exertion/exercise)
        (during/upon/after) [mild/moderate/minimal/strenuous/heavy/any/severe/the slightest] (exertion/exercise)
        (on/with) [mild/moderate/minimal/strenuous/heavy/any/severe/the slightest] (effort/walking)
        (during/upon/after) [mild/moderate/minimal/strenuous/heavy/any/severe/the slightest] (effort/walking)
        (on/with) [mild/moderate/minimal/strenuous/heavy/any/severe/the slightest] (climbing/running)
        (during/upon/after) [mild/moderate/minimal/strenuous/heavy/any/severe/the slightest] (climbing/running)
        (on/with/during/upon/after) [mild/moderate/minimal/strenuous/heavy/any/severe/the slightest] (movement)
        (on/with) [mild/moderate/minimal/strenuous/heavy/any/severe/the slightest] (coughing/activity)
        (during/upon/after) [mild/moderate/minimal/strenuous/heavy/any/severe/the slightest] (coughing/activity)
        (on/when/while) (lying flat/lying down/standing/climbing stairs/walking)
        (on/when/while) (running/bending/climbing/stooping/straining/exposed)
        (on/with) (deep/deep inspiration/deep breathing/inspiration/swallowing/standing/sneezing)
        (on/with) (straining/weight bearing/weight-bearing/stairs/the stairs/inclines/hills)
        if (missed/untreated/exposed) | after (eating/meals/exposure) | only at night | in cold weather
        prophylaxis | when (eating/swallowing/walking/standing/lying/climbing/anxious)
        """,
    ),
    (
        Trigger(_H),
        """
        history of | hx of | h/o | past (history/hx) of
        [known/previous/remote/significant/prior/longstanding] history of
        past medical history (of/significant for/notable for/includes) | past medical history | past history
        pmh | pmhx | pmh of | medical history (of/significant for/notable for/includes)
        history (significant/notable) for | history (includes/including) | s/p | status post | psh
        past surgical history | known to have had | recovered from | remote | childhood | hx
        """,
    ),
    (
        Trigger(_H, _FORWARD, _PHRASE),
        """
        previous | previously | prior | past | old | former | formerly | previously had | previously treated for
        earlier
        """,
    ),
    (
        Trigger(_H, _BACKWARD, _PHRASE),
        """
        (year/years/yr/yrs/month/months/decade/decades) (ago/back/previously/earlier) | in the past
        as a (child/teenager/baby/young adult/student) | in childhood
        in (his/her/their) (teens/twenties/thirties/youth) | last year | in infancy | in adolescence | at birth
        has (resolved/cleared/gone/settled) | have (resolved/cleared/gone/settled)
        (now/since/fully/completely/subsequently) resolved | resolved | previously | in previous pregnancy
        in (a/her/the) (previous/last/first) pregnancy | remotely
        """,
    ),
    (
        Trigger(_F),
        """
        family [medical] (history/hx) [of/significant for/notable for/positive for] | fh | fhx | f/h | fh of
        fhx of | no family history of | no fh of | no fhx of | familial history of
        positive family history of | strong family history of | strong fh of
        """,
    ),
    (
        Trigger(_F, _BACKWARD),
        """
        (runs/run) in (the/his/her) family | in the family | on (his/her) (mother's/father's/mum's/dad's) side
        """,
    ),
)

# Whose disease it is where one of these has, had or died of it; with "reports" or "noticed" they only tell.
KIN = _words(
    """
    mother father mum mom dad brother sister aunt uncle grandmother grandfather grandparent grandma grandad grandpa
    son daughter  cousin parent sibling niece nephew twin wife husband partner spouse mothers fathers brothers
    sisters aunts uncles grandmothers  grandfathers grandparents sons daughters cousins parents siblings relative
    relatives mother's father's brother's sister's  mum's mom's dad's aunt's uncle's son's daughter's grandmother's
    grandfather's parents' maternal paternal
    """
)
KIN_HAS = _words(
    """
    has had have died suffered suffers diagnosed developed with age aged dx positive affected carries got deceased
    """
) | {":", "(", "-", "\u2013", "="}
KIN_SKIPS = _words(
    """
    do does did not never ever
    and or both also who whom recently is was were been of his her the a maternal paternal previously now side alive
    all two  three one younger older elder eldest first cousin half only , grandmother grandfather aunt uncle
    apparently from / in
    """
)
KIN_TELLS = _words(
    """
    noticed noted reported called brought given tried seen concerns concern worries been told to asked him her them
    us me  taken attended described said rung phoned no not any questions present
    """
)
TESTS = _words(
    """
    culture cultures screen test tests swab swabs serology troponin troponins dimer dipstick urine dip pcr smear
    biopsy margins scan results hcg igra urinalysis ultrasound antibody antibodies hiv covid trops film
    films x-ray xray nodes node ana
    rf gas panel mammogram
    """
)
ANSWERS = _words(
    """
    no none nil negative neg absent denied denies not
    """
)
SUBJECTS = frozenset({"he", "she", "patient", "pt", "i", "they", "we"})
COMMA_ENDS = _words(
    """
    reports has had with is was mild moderate severe marked some ongoing worsening persistent increased raised
    reduced known positive normal new minor bilateral widespread tender mildly moderately severely presents
    does and now stable good soft
    clear small old both a
    """
)

_TOKEN = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)?|\d+|\?\?|\S")
_CHOICE = re.compile(r"\(([^)]*)\)|\[([^\]]*)\]|[^()\[\]]+")


def tokens(text: str) -> list[tuple[str, int, int]]:
    """Words, numbers and marks with their places, in lower case."""
    return [(m.group().lower().replace("\u2019", "'"), m.start(), m.end()) for m in _TOKEN.finditer(text)]


def _expanded(pattern: str) -> list[str]:
    parts: list[list[str]] = []
    for match in _CHOICE.finditer(pattern):
        one_of, optional = match.group(1), match.group(2)
        if one_of is not None:
            parts.append(one_of.split("/"))
        elif optional is not None:
            parts.append([*optional.split("/"), ""])
        else:
            parts.append([match.group()])
    return [" ".join("".join(words).split()) for words in product(*parts)]


Phrases = list[tuple[tuple[str, ...], Trigger]]
Lexicon = dict[tuple[str, ...], Phrases]


def _lexicon() -> Lexicon:
    """The phrases by their first two words, or the only one; the longest first."""
    phrases: dict[tuple[str, ...], Trigger] = {}
    for trigger, table in _TABLE:
        for pattern in table.replace("\n", "|").split("|"):
            for phrase in _expanded(pattern) if pattern.strip() else ():
                phrases.setdefault(tuple(word for word, _, _ in tokens(phrase)), trigger)
    found: Lexicon = {}
    for words in sorted(phrases, key=len, reverse=True):
        found.setdefault(words[:2], []).append((words, phrases[words]))
    return found


LEXICON = _lexicon()
