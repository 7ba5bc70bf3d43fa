"""Every fault, at every moment, at every provider: nothing is paid twice, nothing paid is lost, and the text says so.

What must come of it is in `documented`; what came of it is kept in `golden`, and docs/fault-matrix.md is made of that.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from cells import BLOCKING, STUBBORN, SUBJECTS, Case, Outcome, Subject, run
from documented import problems, sayings
from fault_kinds import FAULTS, MOMENTS, Moment
from matrix_document import Column, document

GOLDEN = Path(__file__).parent / "golden"
PAGE = Path(__file__).parents[2] / "docs" / "fault-matrix.md"
ONCE: tuple[tuple[Subject, Moment, bool], ...] = (
    *((subject, moment, False) for subject in SUBJECTS for moment in MOMENTS),
    (BLOCKING, "create", False),
    (BLOCKING, "download", False),
)
LOOKS: tuple[Moment, ...] = ("poll", "download")
PERSISTENT: tuple[tuple[Subject, Moment, bool], ...] = tuple(
    (subject, moment, True) for subject in SUBJECTS if subject.name == STUBBORN for moment in LOOKS
)
SLOW = pytest.mark.slow
BLOCKS: tuple[tuple[Subject, Moment, bool], ...] = (*ONCE, *PERSISTENT)
"""The product of faults with these is the matrix."""


def is_in_the_short_form(subject: Subject, moment: Moment) -> bool:
    """The moment that costs money, at one provider; `just soak` runs all."""
    return moment == "create" and subject.name == "kinovi"


def cases(moment: Moment, *, is_persistent: bool) -> Sequence[Case]:
    """Strange answers that can be read anyway are no fault that could persist."""
    return [
        Case(moment, fault, is_done, is_persistent)
        for fault in FAULTS
        if not is_persistent or fault.trouble != "odd"
        for is_done in fault.variants(moment)
    ]


def golden_file(subject: Subject, moment: Moment, *, is_persistent: bool) -> Path:
    name = f"{subject.name}-{moment}{'-again' if is_persistent else ''}"
    return GOLDEN / f"{name.replace(' ', '-')}.json"


def observed(outcome: Outcome) -> str:
    """One cell of the document."""
    said = "; ".join(sayings(outcome.text)) or "says nothing of what it costs"
    end = "" if outcome.end == outcome.told else f" → `{outcome.end}`"
    return f"`{outcome.told}`: {said}{end}"


@pytest.mark.parametrize(
    ("subject", "moment", "is_persistent"),
    [pytest.param(*block, marks=[] if is_in_the_short_form(block[0], block[1]) else [SLOW]) for block in BLOCKS],
    ids=lambda one: one.name if isinstance(one, Subject) else {True: "again", False: "once"}.get(one, one),
)
async def test_no_fault_is_paid_twice_or_loses_a_video_or_leaves_a_person_in_doubt(
    subject: Subject,
    moment: Moment,
    is_persistent: bool,
    tmp_path: Path,
    rendered: Path,
    subtests: pytest.Subtests,
    golden: Callable[[Path, object], None],
) -> None:
    """Issue: the generated fault matrix; DESIGN §1, the promise, and §3, refused or ambiguous."""
    found: dict[str, str] = {}
    block = cases(moment, is_persistent=is_persistent)
    for number, case in enumerate(block):
        with subtests.test(case.name):
            outcome = await run(subject, case, tmp_path / str(number), rendered)
            found[case.name] = observed(outcome)
            assert problems(subject, subject.spec, case, outcome) == []
    assert list(found) == [case.name for case in block], "a cell that broke off is kept by nobody"
    golden(golden_file(subject, moment, is_persistent=is_persistent), found)


def column(moment: Moment, *, is_persistent: bool = False) -> Column:
    """What was observed at this moment, at everyone."""
    return {
        subject.name: json.loads(golden_file(subject, moment, is_persistent=is_persistent).read_text("utf-8"))
        for subject, at, again in BLOCKS
        if (at, again) == (moment, is_persistent)
    }


def test_the_page_is_made_of_what_was_observed(request: pytest.FixtureRequest) -> None:
    """Ours: `just golden` writes it, this test keeps it."""
    page = document(
        {moment: column(moment) for moment in MOMENTS},
        {moment: column(moment, is_persistent=True) for moment in LOOKS},
    )
    if request.config.getoption("--rewrite-golden"):
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(page, "utf-8")
    assert PAGE.read_text("utf-8") == page


def test_what_is_kept_are_the_cells_of_the_matrix_and_no_others() -> None:
    """Ours: a fault or a provider that goes takes its cells with it."""
    assert set(GOLDEN.iterdir()) == {
        golden_file(subject, moment, is_persistent=again) for subject, moment, again in BLOCKS
    }
    for subject, moment, again in BLOCKS:
        kept = json.loads(golden_file(subject, moment, is_persistent=again).read_text("utf-8"))
        assert list(kept) == [case.name for case in cases(moment, is_persistent=again)]
