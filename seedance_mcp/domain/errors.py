"""Every deliberate error.

    SeedanceError
    ├── InvalidRequestError     the caller must change the request; nothing was sent
    ├── NotFoundError           there is no such task for this caller
    ├── SetupError              a key or a setting is missing or wrong
    ├── SpendLimitError         a limit of the user's own stands in the way; nothing was sent
    ├── StoreError              the data folder cannot be used
    └── ProviderError           what a provider answered, or did not
        ├── RefusedError        it said no: nothing was started
        ├── UnavailableError    no usable answer this time; asking again is safe
        ├── BadReplyError       it answered something that cannot be read
        └── AmbiguousError      a create was sent and its answer is lost: it may exist and may cost

A message says what was asked, what is true, and what to do next.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

ErrorKind = Literal[
    "invalid_request",
    "not_found",
    "auth",
    "out_of_credits",
    "rate_limited",
    "refused_content",
    "spend_limit",
    "unavailable",
    "bad_reply",
    "generation_failed",
    "input_failed",
    "not_settled",
    "internal",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a task ended without a video; `retryable` says whether the same request could succeed later."""

    kind: ErrorKind
    message: str
    retryable: bool = False


class SeedanceError(Exception):
    """An error whose text is written for the caller."""

    kind: ErrorKind = "internal"
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        kind: ErrorKind | None = None,
        problems: Sequence[str] = (),
        task_id: str | None = None,
        retryable: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind or type(self).kind
        self.problems = tuple(problems)
        self.task_id = task_id
        self.can_retry = type(self).retryable if retryable is None else retryable

    @property
    def failure(self) -> Failure:
        return Failure(kind=self.kind, message=self.message, retryable=self.can_retry)


class InvalidRequestError(SeedanceError):
    """The request cannot be made as asked. `problems` holds every reason; nothing was sent or spent."""

    kind = "invalid_request"


class NotFoundError(SeedanceError):
    """No such task for this owner."""

    kind = "not_found"


class SetupError(SeedanceError):
    """A key or setting is missing, unfilled or wrong; the operator must act."""

    kind = "auth"


class SpendLimitError(SeedanceError):
    """One of the user's own spending limits refuses the create; nothing was sent."""

    kind = "spend_limit"


class StoreError(SeedanceError):
    """The task store cannot be opened or written."""

    kind = "internal"


class ProviderError(SeedanceError):
    """What a provider answered, or did not. `retry_after_s` is the provider's own wish."""

    kind = "unavailable"

    def __init__(
        self,
        message: str,
        *,
        kind: ErrorKind | None = None,
        retryable: bool | None = None,
        retry_after_s: float | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(message, kind=kind, retryable=retryable)
        self.retry_after_s = retry_after_s
        self.status = status


class RefusedError(ProviderError):
    """The provider definitely did not do what was asked: for a create, nothing was started and nothing costs."""

    kind = "invalid_request"


class UnavailableError(ProviderError):
    """No usable answer this time. Only raised where asking again is safe, so never for a create."""

    retryable = True


class BadReplyError(ProviderError):
    """An answer that cannot be understood, such as an unknown status word."""

    kind = "bad_reply"


class AmbiguousError(ProviderError):
    """A create was sent and its answer is lost or unreadable: the video may exist and may cost."""

    kind = "not_settled"
