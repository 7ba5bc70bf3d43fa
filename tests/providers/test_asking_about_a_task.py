"""Polls and cancels: what may be asked again, and what is a no."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.recorded import SPECS
from providers.scripted import answering, create, failing, talking_to
from seedance_mcp.domain.errors import BadReplyError, ErrorKind, RefusedError, UnavailableError
from seedance_mcp.providers import PROVIDERS
from seedance_mcp.providers.client import ProviderClient
from seedance_mcp.providers.spec import ProviderReply, ProviderSpec

INK, KINOVI, OXEN = SPECS["seedance2_ink"], SPECS["kinovi"], SPECS["oxen"]
Ask = Callable[[ProviderClient], Awaitable[ProviderReply]]
FETCH: Ask = lambda client: client.fetch("t_1")  # noqa: E731  (a table of two)
CANCEL: Ask = lambda client: client.cancel("t_1")  # noqa: E731
NO: dict[Ask, str] = {FETCH: "does not answer for", CANCEL: "does not cancel"}
CASES = pytest.mark.parametrize(
    ("spec", "ask"),
    [
        *(pytest.param(spec, FETCH, id=f"{spec.id}-fetch") for spec in PROVIDERS),
        *(pytest.param(spec, CANCEL, id=f"{spec.id}-cancel") for spec in (INK, OXEN)),
    ],
)
NO_STATUSES: dict[int, ErrorKind] = {
    400: "invalid_request",
    401: "auth",
    402: "out_of_credits",
    403: "auth",
    404: "not_found",
    405: "unavailable",
    409: "invalid_request",
    410: "invalid_request",
    422: "invalid_request",
}


@CASES
@pytest.mark.parametrize("status", [300, 301, 302, 307, 308, 408, 425, 429, 500, 502, 503, 504, 529])
async def test_an_answer_that_may_change_is_asked_for_again(spec: ProviderSpec, ask: Ask, status: int) -> None:
    """DESIGN §6: back off on 429 and 5xx, honouring Retry-After; a redirect is not followed."""
    async with talking_to(spec, answering(status, {"message": "later"}, headers={"retry-after": "7"})) as client:
        with pytest.raises(UnavailableError) as caught:
            await ask(client)

    error = caught.value
    assert error.message == f"{spec.id} answered HTTP {status}."
    assert (error.kind, error.can_retry, error.retry_after_s, error.status) == ("unavailable", True, 7.0, status)


@CASES
@pytest.mark.parametrize(("status", "kind"), NO_STATUSES.items())
async def test_a_4xx_answer_is_a_no(spec: ProviderSpec, ask: Ask, status: int, kind: ErrorKind) -> None:
    """Ours: how a provider refuses to cancel a finished task is not documented; 400 and 409 are usual."""
    async with talking_to(spec, answering(status, {"message": "Gone", "error": {"message": "Gone"}})) as client:
        with pytest.raises(RefusedError) as caught:
            await ask(client)

    assert caught.value.message.startswith(f"{spec.id} {NO[ask]} task 't_1' (HTTP {status}): Gone. ")
    assert (caught.value.kind, caught.value.can_retry) == (kind, False)
    assert "Nothing was started" not in caught.value.message


@CASES
@pytest.mark.parametrize("content", [b"", b"<html>", b"[]", b"null", b'{"status"', b"\xff"])
async def test_an_unreadable_answer_is_asked_for_again(spec: ProviderSpec, ask: Ask, content: bytes) -> None:
    """DESIGN §6: a look that fails changes nothing but the time of the next one."""
    async with talking_to(spec, answering(200, content=content)) as client:
        with pytest.raises(UnavailableError) as caught:
            await ask(client)

    assert (caught.value.kind, caught.value.message) == ("bad_reply", f"{spec.id} answered something that is not JSON.")


@CASES
@pytest.mark.parametrize(
    ("failure", "why"),
    [
        (httpx.ConnectError("refused"), "no connection could be made"),
        (httpx.ReadTimeout("slow"), "no answer came within 30 s"),
        (httpx.RemoteProtocolError("cut"), "the connection was closed before a whole answer came"),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_a_failed_connection_is_tried_again(spec: ProviderSpec, ask: Ask, failure: Exception, why: str) -> None:
    """DESIGN §6: asking costs nothing, so both kinds of failure are alike."""
    async with talking_to(spec, failing(failure)) as client:
        with pytest.raises(UnavailableError) as caught:
            await ask(client)

    assert (caught.value.message, caught.value.can_retry) == (f"{spec.id} could not be asked: {why}.", True)


@pytest.mark.parametrize("spec", SPECS.values(), ids=lambda spec: spec.id)
async def test_a_poll_without_a_status_word_is_asked_again(spec: ProviderSpec) -> None:
    """Ours: an answer that says nothing about the task is no news."""
    async with talking_to(spec, answering(200, {"success": True, "message": "ok"})) as client:
        with pytest.raises(UnavailableError, match="answered without a status"):
            await client.fetch("t_1")


async def test_an_envelope_that_says_no_without_a_status_is_a_refusal_of_the_poll() -> None:
    """Provider: providers.md §3, the envelope; its HTTP status is not printed."""
    async with talking_to(INK, answering(200, {"success": False, "error": {"message": "Gone."}})) as client:
        with pytest.raises(RefusedError, match=r"does not answer for task 't_1' \(HTTP 200\): Gone\. Check"):
            await client.fetch("t_1")


async def test_a_cancel_in_the_refusal_envelope_is_refused_whatever_status_it_names() -> None:
    """Provider: providers.md §3; the answer for a task that has ended is not documented. A no stays a no."""
    body = {"success": False, "requestId": "t_1", "status": "processing", "error": {"message": "Too late"}}
    async with talking_to(INK, answering(200, body)) as client:
        with pytest.raises(RefusedError, match="does not cancel task 't_1'"):
            await client.cancel("t_1")


@pytest.mark.parametrize("spec", [KINOVI, SPECS["aihubmax"], SPECS["uniall"]], ids=lambda spec: spec.id)
async def test_a_provider_without_cancel_is_not_asked(spec: ProviderSpec) -> None:
    """Provider: seed 003 has no cancel endpoint ("Two endpoints are available"); providers.md §1.5, §5: none found."""
    async with talking_to(spec, failing(AssertionError("nothing may be sent"))) as client:
        with pytest.raises(RefusedError, match=f"{spec.id} has no way to cancel a video"):
            await client.cancel("t_1")


@pytest.mark.parametrize("spec", SPECS.values(), ids=lambda spec: spec.id)
async def test_an_unknown_status_word_is_an_error_that_names_it_and_the_known_ones(spec: ProviderSpec) -> None:
    """DESIGN §5: an error that names the word, never "still running" for ever."""
    async with talking_to(spec) as client:
        with pytest.raises(BadReplyError) as caught:
            client.status_of(ProviderReply(provider_task_id="t_1", status="paused"))

    known = ", ".join(sorted(spec.statuses))
    assert f"{spec.id} reports the unknown status 'paused' (known: {known})." in caught.value.message
    assert f"Look at {spec.title}'s own site for task 't_1'." in caught.value.message
    assert (caught.value.kind, caught.value.can_retry) == ("bad_reply", False)


@pytest.mark.parametrize("spec", SPECS.values(), ids=lambda spec: spec.id)
async def test_a_known_status_word_is_understood_in_either_case(spec: ProviderSpec) -> None:
    """Ours: `Succeeded` for `succeeded` must not end a paid task."""
    async with talking_to(spec) as client:
        for word, status in spec.statuses.items():
            for written in (word, word.upper(), word.title()):
                assert client.status_of(ProviderReply(status=written)) == status
                assert client.knows(written)
        assert not client.knows("paused")
        with pytest.raises(BadReplyError, match="unknown status ''"):
            client.status_of(ProviderReply())


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("0", 0.0), ("120", 120.0), (" 5 ", 5.0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0)]
    + [(text, None) for text in ("", "-1", "1.5", "soon", "Wed, 21 Oct 2015 07:28:00 -0000", "Wed, 99 Oct 2015")],
)
async def test_retry_after_is_read_as_seconds_or_a_date(written: str, seconds: float | None) -> None:
    """RFC 9110 §10.2.3: delay-seconds or an HTTP date; what is neither is left out."""
    headers = {"retry-after": written.encode().decode("latin-1")}
    async with talking_to(KINOVI, answering(503, {}, headers=headers)) as client:
        with pytest.raises(UnavailableError) as caught:
            await client.fetch("t_1")
    assert caught.value.retry_after_s == seconds

    async with talking_to(KINOVI, answering(429, {}, headers=headers)) as client:
        with pytest.raises(RefusedError) as refused:
            await create(client)
    assert refused.value.retry_after_s == seconds


async def test_a_retry_after_date_in_the_future_is_the_time_until_then() -> None:
    """RFC 9110 §10.2.3."""
    then = format_datetime(datetime.now(UTC) + timedelta(minutes=10), usegmt=True)
    async with talking_to(INK, answering(429, {}, headers={"retry-after": then})) as client:
        with pytest.raises(RefusedError) as caught:
            await create(client)
    assert caught.value.retry_after_s == pytest.approx(600, abs=30)


@settings(deadline=None)
@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60))
async def test_no_retry_after_header_breaks_a_poll(written: str) -> None:
    """Ours: whatever a proxy writes there."""
    async with talking_to(INK, answering(503, headers={"retry-after": written})) as client:
        with pytest.raises(UnavailableError):
            await client.fetch("t_1")


async def test_a_refusal_status_declared_for_creates_says_nothing_about_polls() -> None:
    """DESIGN §3: the list is about creates; a poll that is answered 503 is asked again."""
    declared = replace(KINOVI, refusal_statuses=frozenset({503}))
    async with talking_to(declared, answering(503, {})) as client:
        with pytest.raises(UnavailableError):
            await client.fetch("t_1")
