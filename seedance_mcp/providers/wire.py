"""One configured provider on the wire: requests, answers, and what a refusal means in our words."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal, NoReturn
from urllib.parse import quote

from seedance_mcp.domain.errors import ErrorKind, RefusedError, UnavailableError
from seedance_mcp.http import FormFile, HttpClient, HttpReply, NoAnswerError, NotConnectedError, Transport
from seedance_mcp.providers.json_view import JsonView
from seedance_mcp.providers.spec import ConfiguredProvider, Endpoint, Refusal

About = Literal["create", "task", "provider"]
"""What a question was about; the advice after a refusal depends on it."""
ASK_TIMEOUT_S = 30.0
UPLOAD_TIMEOUT_S = 300.0
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
PASSING_4XX = frozenset({408, 425, 429})
"""Answers to a question about a task that may be another one next time; every other 4xx is a no."""


class ProviderWire:
    """Asks one provider; an answer is read here, or becomes one of our errors."""

    def __init__(self, provider: ConfiguredProvider, transport: Transport | None = None) -> None:
        self.provider = provider
        self.spec = provider.spec
        headers = {"authorization": f"Bearer {provider.key.get_secret_value()}"} if provider.key else {}
        self._http = HttpClient(provider.base_url, headers=headers, transport=transport)

    async def aclose(self) -> None:
        await self._http.__aexit__(None, None, None)

    def clean(self, words: str) -> str:
        """A provider's words on one line, shortened, without our key."""
        if self.provider.key:
            words = words.replace(self.provider.key.get_secret_value(), "***")
        words = re.sub(r"\s+", " ", words).strip()
        return words if len(words) <= MAX_WORDS else words[: MAX_WORDS - 1] + "…"

    async def send(
        self,
        endpoint: Endpoint,
        provider_task_id: str | None,
        timeout_s: float,
        *,
        body: Mapping[str, object] | None = None,
        file: FormFile | None = None,
        fresh: bool = False,
    ) -> HttpReply:
        path = endpoint.path.replace("{task_id}", _in_path(provider_task_id or ""))
        return await self._http.send(endpoint.method, path, body=body, file=file, fresh=fresh, timeout_s=timeout_s)

    async def answer(
        self, endpoint: Endpoint, provider_task_id: str, what: str, *, file: FormFile | None = None
    ) -> tuple[HttpReply, JsonView]:
        try:
            patience_s = ASK_TIMEOUT_S if file is None else UPLOAD_TIMEOUT_S
            answer = await self.send(endpoint, provider_task_id, patience_s, file=file)
        except (NotConnectedError, NoAnswerError) as error:
            raise UnavailableError(f"{self.spec.id} could not be asked: {error}.") from error
        view = JsonView.parse(answer.body)
        if 400 <= answer.status < 500 and answer.status not in PASSING_4XX:
            refusal = self.spec.parse_refusal(view) if view else Refusal()
            self.refuse(answer, refusal, what, about="task" if provider_task_id else "provider")
        if not 200 <= answer.status < 300:
            raise UnavailableError(
                f"{self.spec.id} answered HTTP {answer.status}.",
                retry_after_s=_retry_after(answer.headers),
                status=answer.status,
            )
        if view is None:
            raise UnavailableError(f"{self.spec.id} answered something that is not JSON.", kind="bad_reply")
        return answer, view

    def refuse(self, answer: HttpReply, refusal: Refusal, what: str, *, about: About = "task") -> NoReturn:
        otherwise: ErrorKind = "unavailable" if answer.status >= 500 else "invalid_request"
        kind = self.spec.error_kinds.get(refusal.code or "") or REFUSALS.get(answer.status, otherwise)
        said = f": {self.clean(refusal.message)}" if refusal.message else ""
        consequence = " Nothing was started and nothing was charged." if about == "create" else ""
        said = said.rstrip(".")
        raise RefusedError(
            f"{what} (HTTP {answer.status}){said}.{consequence} {self._advice(kind, about)}",
            kind=kind,
            retryable=kind == "rate_limited" or answer.status >= 500,
            retry_after_s=_retry_after(answer.headers),
            status=answer.status,
        )

    def _advice(self, kind: ErrorKind, about: About) -> str:
        if kind == "auth":
            variable = self.spec.key_variable
            may_be = "the key may be wrong, expired or not enabled"
            return f"Check {variable} where the server runs: {may_be}." if variable else "It needs no key from here."
        if kind == "out_of_credits":
            otherwise = ", ask for a shorter or smaller video, or name another provider" if about == "create" else ""
            return f"Add credits at {self.spec.title}{otherwise}."
        if kind == "rate_limited":
            return "It is tried again when a place is free." if about == "create" else "Try again in a minute."
        if about == "task":
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
    except (ValueError, OverflowError):
        return None
    return max(0.0, (when - datetime.now(UTC)).total_seconds()) if when.tzinfo else None
