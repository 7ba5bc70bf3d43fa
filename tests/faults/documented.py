"""What must come of each fault, by the documents: a few rules by kind of trouble and moment.

Where a rule says `DESIGN`, that is its section; where no document speaks, it says `Ours`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from cells import Case, Outcome, Subject
from fault_kinds import RETRY_AFTER_S, Moment, Trouble

from seedance_mcp.providers.spec import ProviderSpec

LISTS = frozenset({"oxen"})
"""Where a lost create is looked up (DESIGN §3: "What may be looked up is looked up (001's list)")."""

NOT_SENT = "nothing was sent or charged"
NOT_STARTED = "nothing was started or charged"
MAY_COST = "may be running and billed; never sent again"
GOES_ON = "goes on"
ASKED_AGAIN = "goes on; says why it asks again"
SAVED = "file and cost are given"
LINK_KEPT = "made; link given; saving is tried again"
NO_LINK = "made; saving is tried again"
WISH_KEPT = "asked again; cost not known yet"
STOPPED = "cost not known"
STOPPED_FREE = "costs nothing"
NO_WAY = "goes on and costs as planned"
STILL_COSTS = "goes on and still costs"

_COST = r"Charged: |Estimated cost: "
_A_LINK = r"Link[^:]*(:\d\d[^:]*)*: http"
_NO_LINK = rf"^(?!.*{_A_LINK})"
SAYINGS: dict[str, tuple[str, ...]] = {
    NOT_SENT: (r"Nothing was sent, so nothing was started or charged",),
    NOT_STARTED: (r"Nothing was started and nothing was charged",),
    MAY_COST: (r"is uncertain", r"may be running there and may be billed", r"It is not sent again"),
    GOES_ON: (r"is (queued|running) at", r"asking is free", _COST, r"^(?!.*Asking again: )"),
    ASKED_AGAIN: (r"is (queued|running) at", r"asking is free", _COST, r"Asking again: "),
    SAVED: (r"is ready", r"File: ", _COST),
    LINK_KEPT: (r"The video is made", _A_LINK, r"tried again by itself", _COST),
    NO_LINK: (r"The video is made", _NO_LINK, r"tried again by itself", _COST),
    WISH_KEPT: (r": requested\.", r"asked again by itself", r"Still costs: not known"),
    STOPPED: (r": cancelled\.", r"Still costs: not known"),
    STOPPED_FREE: (r": cancelled\.", r"Still costs: no\."),
    NO_WAY: (r"no way to cancel", r"goes on", r"Still costs: yes"),
    STILL_COSTS: (r"does not cancel", r"goes on", r"(?i)costs|charged|billed"),
}
"""What is said of video and money, and by which words a person reading the text knows it: all of them."""

CONTRADICTIONS = (
    ("it may be billed, and nothing was charged", r"may be billed", r"(?i)nothing was (started or )?charged"),
    ("a dead link is said to work", r"expired or was removed", r"the link works"),
    ("a link is said to work, but not given", r"the link works", _NO_LINK),
    ("it is ready, and it is not", r"is ready", r"is (uncertain|queued|running)"),
    ("a setting without a name", r"\bNone\b", r""),
)
"""What cannot both be true, or means nothing to a reader."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What is told, what of money, what becomes of it, and how often the create is sent."""

    told: str
    says: frozenset[str]
    """Any of these, and nothing else of them."""
    end: str
    creates: int = 1
    accepted: int = 1


def _rule(told: str, says: str, end: str, *or_says: str, creates: int = 1, accepted: int = 1) -> Rule:
    return Rule(told=told, says=frozenset((says, *or_says)), end=end, creates=creates, accepted=accepted)


_AMBIGUOUS = _rule("uncertain", MAY_COST, "uncertain")
_LOOK_AGAIN = _rule("queued", GOES_ON, "saved", ASKED_AGAIN)
_ASK_AGAIN = _rule("requested", WISH_KEPT, "cancelled")
_KEEP_LINK = _rule("succeeded", LINK_KEPT, "saved")
_FETCHED = _rule("saved", SAVED, "saved")
_REFUSED_CANCEL = _rule("refused", STILL_COSTS, "saved")

RULES: dict[tuple[Moment, Trouble], Rule] = {
    # DESIGN §3 "Refused or ambiguous", with the provider named, so that nothing falls over.
    ("create", "no connection"): _rule("failed", NOT_SENT, "failed", accepted=0),
    ("create", "no"): _rule("failed", NOT_STARTED, "failed", accepted=0),
    ("create", "not now"): _rule("waiting", NOT_STARTED, "saved", creates=2),
    ("create", "conflict"): _AMBIGUOUS,
    ("create", "no answer"): _AMBIGUOUS,
    ("create", "moved"): _AMBIGUOUS,
    # Ours: what can be read is an answer, however it is labelled.
    ("create", "odd"): _rule("queued", GOES_ON, "saved"),
    # DESIGN §6: a look that fails changes nothing but the time of the next one; §1: never lose a paid video.
    ("poll", "no connection"): _LOOK_AGAIN,
    ("poll", "no"): _LOOK_AGAIN,
    ("poll", "not now"): _LOOK_AGAIN,
    ("poll", "conflict"): _LOOK_AGAIN,
    ("poll", "no answer"): _LOOK_AGAIN,
    ("poll", "moved"): _LOOK_AGAIN,
    ("poll", "odd"): _rule("running", GOES_ON, "saved"),
    # DESIGN §3, cancel_task: `requested` until the provider has said it, and always whether it still costs.
    ("cancel", "no connection"): _ASK_AGAIN,
    ("cancel", "no"): _REFUSED_CANCEL,
    ("cancel", "not now"): _ASK_AGAIN,
    # RFC 9110 §15.5.10: not in the state that the task is in. Which one that is, a look tells.
    ("cancel", "conflict"): _REFUSED_CANCEL,
    ("cancel", "no answer"): _ASK_AGAIN,
    ("cancel", "moved"): _ASK_AGAIN,
    ("cancel", "odd"): _rule("cancelled", STOPPED, "cancelled"),
    # DESIGN §2: `succeeded` once a first download failed, with a note, the link, and further tries.
    ("download", "no connection"): _KEEP_LINK,
    ("download", "no"): _KEEP_LINK,
    ("download", "not now"): _KEEP_LINK,
    ("download", "conflict"): _KEEP_LINK,
    ("download", "no answer"): _KEEP_LINK,
    # DESIGN §7: a redirect is checked and followed; and bytes decide what a file is, not its label.
    ("download", "moved"): _FETCHED,
    ("download", "odd"): _FETCHED,
}


def rule_for(subject: Subject, spec: ProviderSpec, case: Case) -> Rule:
    """The rule of its kind, and what is different at this provider."""
    rule = RULES[case.moment, case.fault.trouble]
    if case.moment == "cancel":
        return _rule_for_cancel(rule, spec, case)
    if case.moment == "create":
        return _rule_for_create(rule, subject, spec, case)
    if case.moment == "poll" and case.is_persistent:
        return replace(rule, says=frozenset({ASKED_AGAIN}))
    if case.moment == "download" and case.is_persistent and case.fault.trouble == "moved":
        # DESIGN §7 checks redirects at every hop; a circle of them has no end.
        return _KEEP_LINK
    if rule is _KEEP_LINK and not spec.public_urls:
        return replace(rule, says=frozenset({NO_LINK}))
    return rule


def _rule_for_create(rule: Rule, subject: Subject, spec: ProviderSpec, case: Case) -> Rule:
    if rule is _AMBIGUOUS and not case.is_done:
        return replace(rule, accepted=0)
    if rule is _AMBIGUOUS and subject.has_id and subject.provider in LISTS:
        return replace(rule, end="saved")
    if case.fault.trouble == "odd" and spec.answers_at_the_end:
        return _FETCHED
    return rule


def _rule_for_cancel(rule: Rule, spec: ProviderSpec, case: Case) -> Rule:
    if spec.cancel is None:
        return _rule("not_supported", NO_WAY, "saved")
    if rule is _REFUSED_CANCEL and case.is_done:
        rule = RULES["cancel", "odd"]
    if rule.told == "cancelled" and spec.cancel_costs == "no":
        return replace(rule, says=frozenset({STOPPED_FREE}))
    return rule


def sayings(text: str) -> tuple[str, ...]:
    """What this text says of money."""
    return tuple(name for name, words in SAYINGS.items() if all(re.search(word, text) for word in words))


def problems(subject: Subject, spec: ProviderSpec, case: Case, outcome: Outcome) -> list[str]:
    """Everything in which the outcome is not what the documents say."""
    return [*_wrong_course(rule_for(subject, spec, case), subject, spec, case, outcome), *_wrong_words(outcome)]


def _wrong_course(rule: Rule, subject: Subject, spec: ProviderSpec, case: Case, outcome: Outcome) -> Iterator[str]:
    said = sayings(outcome.text)
    if len(said) != 1 or said[0] not in rule.says:
        yield f"of money it says {said}, not {sorted(rule.says)}: {outcome.text}"
    for what, is_so, should_be in (
        ("told", outcome.told, rule.told),
        ("in the end", outcome.end, rule.end),
        ("creates sent", outcome.creates, rule.creates),
        ("creates accepted", outcome.accepted, rule.accepted),
    ):
        if is_so != should_be:
            yield f"{what}: {is_so}, not {should_be}"
    is_asked = case.moment != "cancel" or spec.cancel is not None
    if bool(outcome.hits) != is_asked or bool(outcome.cancels) != (case.moment == "cancel" and is_asked):
        yield f"{outcome.hits} requests were hit, {outcome.cancels} cancels were sent"
    if rule is _AMBIGUOUS and subject.has_id and outcome.adopted != "saved":
        yield f"once its id was named, the video that was made is {outcome.adopted}"
    if case.fault.asks_for_patience and case.moment in {"create", "poll"} and outcome.gaps[0] < RETRY_AFTER_S:
        yield f"Retry-After: {RETRY_AFTER_S} was asked, and it came again after {outcome.gaps[0]:.1f} s"


def _wrong_words(outcome: Outcome) -> Iterator[str]:
    for wrong, one, other in CONTRADICTIONS:
        if re.search(one, outcome.text) and re.search(other, outcome.text):
            yield f"{wrong}: {outcome.text}"
