"""A task is the same after it was a row."""

import sqlite3
from contextlib import closing
from typing import Any, get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from seedance_mcp.domain.cost import Charge, Estimate, EstimateBasis
from seedance_mcp.domain.errors import ErrorKind, Failure
from seedance_mcp.domain.task import STATUSES, Candidate, SendState, Task, Video
from seedance_mcp.domain.video import MODELS, OPERATIONS, RESOLUTIONS, Mode, VideoRequest
from seedance_mcp.storage.migrations import migrate
from seedance_mcp.storage.rows import COLUMNS, from_row, to_row

TEXT = st.text(max_size=20)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.lists(TEXT, max_size=3).map(tuple)
BIG = st.integers(-(2**63), 2**63 - 1)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


ESTIMATES = st.builds(
    Estimate,
    basis=st.sampled_from(get_args(EstimateBasis)),
    usd=maybe(NUMBER),
    usd_max=maybe(NUMBER),
    credits=maybe(NUMBER),
    credits_max=maybe(NUMBER),
    as_of=maybe(TEXT),
    note=maybe(TEXT),
)
REQUESTS = st.builds(
    VideoRequest,
    prompt=TEXT,
    first_frame=maybe(TEXT),
    last_frame=maybe(TEXT),
    reference_images=TEXTS,
    reference_videos=TEXTS,
    reference_audios=TEXTS,
    model=maybe(st.sampled_from(MODELS)),
    provider=maybe(TEXT),
    resolution=maybe(st.sampled_from(RESOLUTIONS)),
    aspect_ratio=maybe(TEXT),
    duration=maybe(BIG),
    generate_audio=maybe(st.booleans()),
    seed=maybe(BIG),
    operation=maybe(st.sampled_from(OPERATIONS)),
    label=maybe(TEXT),
)
VIDEOS = st.builds(
    Video,
    url=maybe(TEXT),
    url_expires_at=maybe(NUMBER),
    file=maybe(TEXT),
    mime_type=maybe(TEXT),
    bytes=maybe(BIG),
    width=maybe(BIG),
    height=maybe(BIG),
    duration=maybe(NUMBER),
    has_audio=maybe(st.booleans()),
)
FAILURES = st.builds(Failure, kind=st.sampled_from(get_args(ErrorKind)), message=TEXT, retryable=st.booleans())
CANDIDATES = st.builds(Candidate, provider=TEXT, model=st.sampled_from(MODELS), estimate=ESTIMATES)
TASKS = st.builds(
    Task,
    task_id=TEXT,
    owner=TEXT,
    status=st.sampled_from(STATUSES),
    provider=TEXT,
    created_at=NUMBER,
    updated_at=NUMBER,
    model=maybe(st.sampled_from(MODELS)),
    mode=maybe(st.sampled_from(get_args(Mode))),
    request=REQUESTS,
    label=maybe(TEXT),
    provider_task_id=maybe(TEXT),
    progress=maybe(NUMBER),
    started_at=maybe(NUMBER),
    ended_at=maybe(NUMBER),
    estimate=maybe(ESTIMATES),
    charge=maybe(st.builds(Charge, credits=maybe(NUMBER), usd=maybe(NUMBER))),
    video=maybe(VIDEOS),
    last_frame_url=maybe(TEXT),
    error=maybe(FAILURES),
    notes=TEXTS,
    send_state=st.sampled_from(get_args(SendState)),
    attempt=maybe(TEXT),
    attempted_at=maybe(NUMBER),
    alternatives=st.lists(CANDIDATES, max_size=2).map(tuple),
    cancel_asked=st.booleans(),
    fingerprint=TEXT,
    idempotency_key=maybe(TEXT),
    caller=maybe(TEXT),
    answered_at=maybe(NUMBER),
    abandoned_at=maybe(NUMBER),
    max_cost_usd=maybe(NUMBER),
    reserved_usd=maybe(NUMBER),
    follower=maybe(TEXT),
    next_step_at=maybe(NUMBER),
    failed_steps=BIG,
    input_task_ids=TEXTS,
)


@given(TASKS)
@settings(deadline=None, max_examples=60)
def test_any_task_comes_back_as_it_went_in(task: Task) -> None:
    """DESIGN §1: never lose anything, in whatever language the prompt is written."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        db.row_factory = sqlite3.Row
        migrate(db)
        names, marks = ", ".join(COLUMNS), ", ".join(f":{name}" for name in COLUMNS)
        db.execute(f"INSERT INTO tasks ({names}) VALUES ({marks})", to_row(task))  # noqa: S608  (names of this program)
        (row,) = db.execute("SELECT * FROM tasks")
        assert from_row(row) == task
