"""Drives any `ProviderSpec` over HTTP: one create, sent once; polls and cancels that may be repeated."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NoReturn
from urllib.parse import quote

from seedance_mcp.domain.errors import (
    AmbiguousError,
    BadReplyError,
    ErrorKind,
    RefusedError,
    UnavailableError,
)
from seedance_mcp.domain.model import ModelSpec
from seedance_mcp.domain.task import Status
from seedance_mcp.domain.video import VideoRequest
from seedance_mcp.http import HttpClient, HttpReply, NoAnswerError, NotConnectedError, Transport
from seedance_mcp.providers.json_view import JsonView
from seedance_mcp.providers.spec import ConfiguredProvider, Endpoint, ProviderReply, Refusal

CREATE_TIMEOUT_S = 120.0
ASK_TIMEOUT_S = 30.0
MAX_WORDS = 300
"""Characters of a provider's own words that are passed on."""

REFUSALS: Mapping[int, ErrorKind] = {
    400: "invalid_request",
    401: "auth",
    402: "out_of_credits",
    403: "auth",
    404: "not_found",
    405: "unavailable",
    413: "invalid_request",
    415: "invalid_request",
    422: "invalid_request",
    429: "rate_limited",
}
"""HTTP statuses after which a create was definitely not accepted; every other non-2xx leaves it open."""
AMBIGUOUS_4XX = frozenset({408, 409, 425})
PASSING_4XX = frozenset({408, 425, 429})
"""Answers to a question about a task that may be another one next time; every other 4xx is a no."""


class ProviderClient:
    """One configured provider on the wire."""

    def __init__(self, provider: ConfiguredProvider, transport: Transport | None = None) -> None:
        self.provider = provider
        self.spec = provider.spec
        headers = {"authorization": f"Bearer {provider.key.get_secret_value()}"} if provider.key else {}
        self._http = HttpClient(provider.base_url, headers=headers, transport=transport)

    async def aclose(self) -> None:
        await self._http.__aexit__(None, None, None)

    async def create(self, request: VideoRequest, model: ModelSpec, callback_url: str | None = None) -> ProviderReply:
        """Asks for a video, once, on a connection of its own. This is the call that costs money.

        Raises:
            RefusedError: It was definitely not accepted.
            AmbiguousError: It may have been accepted; it must never be sent again.
        """
        body = self.spec.build_body(request, model, callback_url)
        try:
            answer = await self._send(self.spec.create, None, CREATE_TIMEOUT_S, body=body, fresh=True)
        except NotConnectedError as error:
            raise RefusedError(
                f"{self.spec.id} could not be reached: {error}. Nothing was sent, so nothing was started or charged. "
                "Check the network, then call create_video again.",
                kind="unavailable",
                retryable=True,
            ) from error
        except NoAnswerError as error:
            raise self._lost(str(error)) from error
        return self._created(answer)

    async def fetch(self, provider_task_id: str) -> ProviderReply:
        """Asks how a task is doing; safe to repeat.

        Raises:
            UnavailableError: No usable answer this time.
            RefusedError: The provider will not answer for this task (key, id).
        """
        what = f"{self.spec.id} does not answer for task {self.clean(provider_task_id)!r}"
        answer, reply = await self._ask(self.spec.fetch, provider_task_id, what)
        if reply.refused and reply.status is None:
            self._raise_refusal(answer, reply.refused, what)
        if reply.status is None:
            raise UnavailableError(f"{self.spec.id} answered without a status.", kind="bad_reply")
        return reply

    async def cancel(self, provider_task_id: str) -> ProviderReply:
        """Asks the provider to stop a task; safe to repeat. Only where `spec.cancel` exists.

        Raises:
            UnavailableError: No usable answer this time.
            RefusedError: The provider said no, as it does for a task that has ended.
        """
        endpoint = self.spec.cancel
        if endpoint is None:
            raise RefusedError(f"{self.spec.id} has no way to cancel a video.")
        what = f"{self.spec.id} does not cancel task {self.clean(provider_task_id)!r}"
        answer, reply = await self._ask(endpoint, provider_task_id, what)
        if reply.refused:
            self._raise_refusal(answer, reply.refused, what)
        return reply

    def status_of(self, reply: ProviderReply) -> Status:
        """The provider's status word in ours.

        Raises:
            BadReplyError: A word its documents do not know; it must not be waited on for ever.
        """
        word = reply.status or ""
        status = self.spec.statuses.get(word) or self.spec.statuses.get(word.lower())
        if status is None:
            known = ", ".join(sorted(self.spec.statuses))
            raise BadReplyError(
                f"{self.spec.id} reports the unknown status {self.clean(word)!r} (known: {known}). The video may exist "
                f"there and may cost. Look at {self.spec.title}'s own site for task "
                f"{self.clean(reply.provider_task_id or '')!r}."
            )
        return status

    def knows(self, word: str) -> bool:
        """Whether the provider's documents know this status word, in either case."""
        return word in self.spec.statuses or word.lower() in self.spec.statuses

    def clean(self, words: str) -> str:
        """A provider's words on one line, shortened, without our key."""
        if self.provider.key:
            words = words.replace(self.provider.key.get_secret_value(), "***")
        words = re.sub(r"\s+", " ", words).strip()
        return words if len(words) <= MAX_WORDS else words[: MAX_WORDS - 1] + "…"

    async def _send(
        self,
        endpoint: Endpoint,
        provider_task_id: str | None,
        timeout_s: float,
        *,
        body: Mapping[str, object] | None = None,
        fresh: bool = False,
    ) -> HttpReply:
        path = endpoint.path.replace("{task_id}", _in_path(provider_task_id or ""))
        return await self._http.send(endpoint.method, path, body=body, fresh=fresh, timeout_s=timeout_s)

    def _created(self, answer: HttpReply) -> ProviderReply:
        view = JsonView.parse(answer.body)
        reply = self.spec.parse_reply(view) if view else ProviderReply()
        says_no = answer.status < 500 and not 300 <= answer.status < 400 and answer.status not in AMBIGUOUS_4XX
        if answer.status in REFUSALS or answer.status in self.spec.refusal_statuses or (says_no and reply.refused):
            refusal = reply.refused or (self.spec.parse_refusal(view) if view else Refusal())
            self._raise_refusal(answer, refusal, f"{self.spec.id} refused the video", nothing_started=True)
        if not 200 <= answer.status < 300:
            raise self._lost(f"it answered HTTP {answer.status}")
        if view is None:
            raise self._lost("its answer could not be read")
        if reply.provider_task_id is None:
            raise self._lost("its answer holds no task id")
        return reply

    async def _ask(self, endpoint: Endpoint, provider_task_id: str, what: str) -> tuple[HttpReply, ProviderReply]:
        try:
            answer = await self._send(endpoint, provider_task_id, ASK_TIMEOUT_S)
        except (NotConnectedError, NoAnswerError) as error:
            raise UnavailableError(f"{self.spec.id} could not be asked: {error}.") from error
        view = JsonView.parse(answer.body)
        if 400 <= answer.status < 500 and answer.status not in PASSING_4XX:
            self._raise_refusal(answer, self.spec.parse_refusal(view) if view else Refusal(), what)
        if not 200 <= answer.status < 300:
            raise UnavailableError(
                f"{self.spec.id} answered HTTP {answer.status}.",
                retry_after_s=_retry_after(answer.headers),
                status=answer.status,
            )
        if view is None:
            raise UnavailableError(f"{self.spec.id} answered something that is not JSON.", kind="bad_reply")
        return answer, self.spec.parse_reply(view)

    def _lost(self, why: str) -> AmbiguousError:
        return AmbiguousError(
            f"The video was sent to {self.spec.id}, but {why}: it may be running there and may be billed. "
            "It is not sent again."
        )

    def _raise_refusal(
        self, answer: HttpReply, refusal: Refusal, what: str, *, nothing_started: bool = False
    ) -> NoReturn:
        otherwise: ErrorKind = "unavailable" if answer.status >= 500 else "invalid_request"
        kind = self.spec.error_kinds.get(refusal.code or "") or REFUSALS.get(answer.status, otherwise)
        said = f": {self.clean(refusal.message)}" if refusal.message else ""
        consequence = " Nothing was started and nothing was charged." if nothing_started else ""
        said = said.rstrip(".")
        raise RefusedError(
            f"{what} (HTTP {answer.status}){said}.{consequence} {self._advice(kind, about_a_task=not nothing_started)}",
            kind=kind,
            retryable=kind == "rate_limited" or answer.status >= 500,
            retry_after_s=_retry_after(answer.headers),
            status=answer.status,
        )

    def _advice(self, kind: ErrorKind, *, about_a_task: bool) -> str:
        if kind == "auth":
            return (
                f"Check {self.spec.key_variable} where the server runs: the key may be wrong, expired or not enabled."
            )
        if kind == "out_of_credits":
            return f"Add credits at {self.spec.title}, ask for a shorter or smaller video, or name another provider."
        if kind == "rate_limited":
            return "It is tried again when a place is free."
        if about_a_task:
            return "Check that this is its id there, and that the key belongs to the same account."
        if kind in {"not_found", "unavailable"}:
            return f"Check {self.spec.id.upper()}_BASE_URL if it is set."
        return "Change the request as it says."


def _in_path(provider_task_id: str) -> str:
    """Percent-encoded; of `.` and `..` the dots too, which would lead to another path."""
    encoded = quote(provider_task_id, safe="", errors="replace")
    return encoded if encoded.strip(".") else encoded.replace(".", "%2E")


def _retry_after(headers: Mapping[str, str]) -> float | None:
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        when = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (when - datetime.now(UTC)).total_seconds()) if when.tzinfo else None
