"""The tree of deliberate errors: as drawn, and each with the facts a result needs."""

import inspect
import re
from typing import get_args

import pytest

from seedance_mcp.domain import errors
from seedance_mcp.domain.errors import (
    AmbiguousError,
    BadReplyError,
    ErrorKind,
    Failure,
    InvalidRequestError,
    NotFoundError,
    ProviderError,
    RefusedError,
    SeedanceError,
    SetupError,
    SpendLimitError,
    StoreError,
    UnavailableError,
)

KINDS: dict[type[SeedanceError], ErrorKind] = {
    SeedanceError: "internal",
    InvalidRequestError: "invalid_request",
    NotFoundError: "not_found",
    SetupError: "auth",
    SpendLimitError: "spend_limit",
    StoreError: "internal",
    ProviderError: "unavailable",
    RefusedError: "invalid_request",
    UnavailableError: "unavailable",
    BadReplyError: "bad_reply",
    AmbiguousError: "not_settled",
}
EVERY = pytest.mark.parametrize("error", KINDS, ids=lambda error: error.__name__)


def test_the_drawn_tree_is_the_real_one() -> None:
    """style.md §3.6: domain/errors.py opens with the drawn tree."""
    drawn: dict[str, str | None] = {}
    parents: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        if found := re.match(r"^(?P<branch>[ │├└─]*)(?P<name>\w+Error)\b", line):
            depth = len(found["branch"])
            parents = [(column, name) for column, name in parents if column < depth]
            drawn[found["name"]] = parents[-1][1] if parents else None
            parents.append((depth, found["name"]))

    real = {name: kind for name, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, Exception)}
    assert set(real) == set(drawn) == {kind.__name__ for kind in KINDS}
    for name, kind in real.items():
        assert drawn[name] == (None if kind is SeedanceError else kind.__mro__[1].__name__)


@EVERY
def test_an_error_has_the_kind_of_its_class_unless_told_otherwise(error: type[SeedanceError]) -> None:
    """DESIGN §3: the closed list of kinds."""
    assert error("why").kind == KINDS[error]
    assert error("why", kind="refused_content").kind == "refused_content"
    assert set(KINDS.values()) <= set(get_args(ErrorKind))


@EVERY
def test_only_what_may_be_asked_again_is_retryable_by_itself(error: type[SeedanceError]) -> None:
    """DESIGN §3: a create is never repeated; a poll may be."""
    assert error("why").can_retry == (error is UnavailableError)
    assert error("why", retryable=True).can_retry
    assert not error("why", retryable=False).can_retry


@EVERY
def test_an_error_becomes_the_failure_of_a_task_with_the_same_facts(error: type[SeedanceError]) -> None:
    """DESIGN §3: `error {kind, message, retryable}` of a task, and the same in an error result."""
    raised = error("why", retryable=True)
    assert raised.failure == Failure(kind=KINDS[error], message="why", retryable=True)
    assert str(raised) == raised.message == "why"


def test_an_error_carries_its_problems_and_its_task() -> None:
    """DESIGN §3: `_meta` of an error has problems and task_id."""
    error = InvalidRequestError("two problems", problems=["one", "two"], task_id="vt_1")
    assert (error.problems, error.task_id) == (("one", "two"), "vt_1")
    assert (InvalidRequestError("x").problems, InvalidRequestError("x").task_id) == ((), None)


def test_a_provider_error_carries_what_the_provider_wished() -> None:
    """DESIGN §6: Retry-After is honoured."""
    error = RefusedError("busy", kind="rate_limited", retry_after_s=7.5, status=429)
    assert (error.retry_after_s, error.status) == (7.5, 429)
    assert (RefusedError("x").retry_after_s, RefusedError("x").status) == (None, None)
