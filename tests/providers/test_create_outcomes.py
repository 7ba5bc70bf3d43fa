"""A create ends in one of three ways: accepted, definitely refused, or nobody knows."""

from dataclasses import replace

import httpx
import pytest

from providers.recorded import SPECS
from providers.scripted import answering, create, failing, talking_to
from seedance_mcp.domain.errors import AmbiguousError, ErrorKind, RefusedError
from seedance_mcp.http import MAX_REPLY_BYTES
from seedance_mcp.providers import PROVIDERS
from seedance_mcp.providers.spec import ProviderReply, ProviderSpec

INK = SPECS["seedance2_ink"]
EACH = pytest.mark.parametrize("spec", PROVIDERS, ids=lambda spec: spec.id)
REFUSED: dict[int, ErrorKind] = {
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
AMBIGUOUS = (300, 301, 302, 303, 304, 307, 308, 408, 409, 425, 500, 501, 502, 503, 504, 520, 529, 599)
UNLISTED = (406, 407, 410, 418, 423, 451, 499)
ENVELOPE = {"success": False, "requestId": "req_1", "error": {"code": "unauthorized", "message": "Invalid API key"}}
ACCEPTED = {
    **dict.fromkeys(("requestId", "taskId", "id", "task_id"), "req_1"),
    "generations": [{"generation_id": "req_1", "status": "queued"}],
    "status": "queued",
    "success": True,
}
"""Every provider's parser takes it for a task."""
NOTHING = "Nothing was started and nothing was charged."


@EACH
@pytest.mark.parametrize(("status", "kind"), REFUSED.items())
async def test_a_status_that_refuses_means_that_nothing_was_started(
    spec: ProviderSpec, status: int, kind: ErrorKind
) -> None:
    """DESIGN §3: 400 401 402 403 404 405 413 415 422 429, whatever the body."""
    for answer in (answering(status, {"message": "no"}), answering(status, content=b"<html>"), answering(status, [])):
        async with talking_to(spec, answer) as client:
            with pytest.raises(RefusedError) as caught:
                await create(client)

        error = caught.value
        assert (error.kind, error.status, error.can_retry) == (kind, status, status == 429)
        assert error.message.startswith(f"{spec.id} refused the video (HTTP {status})")
        assert NOTHING in error.message


@EACH
@pytest.mark.parametrize("status", [*AMBIGUOUS, *UNLISTED])
async def test_a_status_that_may_hide_an_accepted_create_is_ambiguous(spec: ProviderSpec, status: int) -> None:
    """DESIGN §3: 3xx, 408, 409, 425, other 5xx. Ours: a 4xx that is on neither list is not a definite no."""
    async with talking_to(spec, answering(status, {"message": "no"}, headers={"location": "/x"})) as client:
        with pytest.raises(AmbiguousError) as caught:
            await create(client)

    assert caught.value.message == (
        f"The video was sent to {spec.id}, but it answered HTTP {status}: it may be running there and may be billed. "
        "It is not sent again."
    )
    assert (caught.value.kind, caught.value.can_retry) == ("not_settled", False)


@EACH
@pytest.mark.parametrize("status", AMBIGUOUS)
async def test_an_id_in_an_ambiguous_answer_does_not_make_it_accepted(spec: ProviderSpec, status: int) -> None:
    """DESIGN §3: the status decides; a proxy may have cached the body of another answer."""
    async with talking_to(spec, answering(status, ACCEPTED)) as client:
        with pytest.raises(AmbiguousError):
            await create(client)


@pytest.mark.parametrize("status", [200, 201, 202, 299, *REFUSED, *UNLISTED])
async def test_the_refusal_envelope_counts_with_2xx_and_unambiguous_4xx(status: int) -> None:
    """DESIGN §3: 002 `success: false` is a definite no; its HTTP status is not documented."""
    async with talking_to(INK, answering(status, ENVELOPE)) as client:
        with pytest.raises(RefusedError) as caught:
            await create(client)

    assert caught.value.kind == "auth"
    assert ": Invalid API key." in caught.value.message
    assert NOTHING in caught.value.message


@pytest.mark.parametrize("status", AMBIGUOUS)
async def test_the_refusal_envelope_does_not_count_where_the_status_leaves_it_open(status: int) -> None:
    """DESIGN §3: a gateway that answers 5xx, 3xx, 408, 409 or 425 may have passed the create on."""
    async with talking_to(INK, answering(status, ENVELOPE)) as client:
        with pytest.raises(AmbiguousError):
            await create(client)


@EACH
@pytest.mark.parametrize("status", [500, 503, 409, 302])
async def test_a_status_that_the_documents_call_a_refusal_is_one(spec: ProviderSpec, status: int) -> None:
    """DESIGN §3: declared in the provider's record."""
    declared = replace(spec, refusal_statuses=frozenset({status}))
    async with talking_to(declared, answering(status, {"message": "closed"})) as client:
        with pytest.raises(RefusedError) as caught:
            await create(client)

    kind = "unavailable" if status >= 500 else "invalid_request"
    assert (caught.value.kind, caught.value.can_retry) == (kind, status >= 500)


@EACH
@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "its answer could not be read"),
        (b"<!doctype html><h1>Welcome</h1>", "its answer could not be read"),
        (b'{"requestId": "req_1", "taskId": "tas', "its answer could not be read"),
        (b'["req_1"]', "its answer could not be read"),
        (b'"req_1"', "its answer could not be read"),
        (b"\xff\xfe\xfa", "its answer could not be read"),
        (b"[" * 100_000, "its answer could not be read"),
        (b"{}", "its answer holds no task id"),
        (b'{"success": true, "requestId": "", "taskId": ""}', "its answer holds no task id"),
        (b'{"success": true, "requestId": null, "taskId": 7}', "its answer holds no task id"),
        (b'{"message": "Insufficient credits"}', "its answer holds no task id"),
    ],
)
@pytest.mark.parametrize("status", [200, 201, 204])
async def test_an_unreadable_or_idless_answer_is_ambiguous(
    spec: ProviderSpec, status: int, content: bytes, why: str
) -> None:
    """DESIGN §3: a lost, unreadable or id-less reply."""
    async with talking_to(spec, answering(status, content=content)) as client:
        with pytest.raises(AmbiguousError, match=why):
            await create(client)


@EACH
@pytest.mark.parametrize(
    ("failure", "why"),
    [
        (httpx.ConnectError("refused"), "no connection could be made"),
        (httpx.ConnectTimeout("slow"), "no connection could be made in time"),
        (httpx.PoolTimeout("slow"), "no connection could be made in time"),
        (httpx.ProxyError("403"), "the proxy refused the connection"),
        (httpx.UnsupportedProtocol("gopher"), "no connection could be made"),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_no_connection_means_that_nothing_was_sent(spec: ProviderSpec, failure: Exception, why: str) -> None:
    """DESIGN §3: definitely not accepted when no byte was sent."""
    async with talking_to(spec, failing(failure)) as client:
        with pytest.raises(RefusedError) as caught:
            await create(client)

    assert caught.value.message == (
        f"{spec.id} could not be reached: {why}. Nothing was sent, so nothing was started or charged. "
        "Check the network, then call create_video again."
    )
    assert (caught.value.kind, caught.value.can_retry) == ("unavailable", True)


@EACH
@pytest.mark.parametrize(
    ("failure", "why"),
    [
        (httpx.WriteError("w"), "the connection was closed before a whole answer came"),
        (httpx.WriteTimeout("w"), "no answer came within 120 s"),
        (httpx.ReadError("r"), "the connection was closed before a whole answer came"),
        (httpx.ReadTimeout("r"), "no answer came within 120 s"),
        (httpx.RemoteProtocolError("p"), "the connection was closed before a whole answer came"),
        (httpx.DecodingError("d"), "the connection was closed before a whole answer came"),
        (OSError(104, "reset"), "the connection was closed before a whole answer came"),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_a_connection_that_breaks_after_the_first_byte_is_ambiguous(
    spec: ProviderSpec, failure: Exception, why: str
) -> None:
    """DESIGN §3: a lost reply leaves the create open."""
    async with talking_to(spec, failing(failure)) as client:
        with pytest.raises(AmbiguousError) as caught:
            await create(client)

    assert f"The video was sent to {spec.id}, but {why}: it may be running there" in caught.value.message


@EACH
async def test_an_answer_of_endless_length_is_ambiguous(spec: ProviderSpec) -> None:
    """Ours: the answer is given up, what it said is not known."""
    async with talking_to(spec, answering(content=b" " * (MAX_REPLY_BYTES + 1))) as client:
        with pytest.raises(AmbiguousError, match="larger than 4 MB"):
            await create(client)


@EACH
@pytest.mark.parametrize("status", [200, 201, 202])
async def test_an_answer_with_an_id_is_accepted(spec: ProviderSpec, status: int) -> None:
    """Provider: seeds 000, 002 and 003 print 200; any 2xx counts."""
    async with talking_to(spec, answering(status, ACCEPTED)) as client:
        reply = await create(client)

    assert reply.provider_task_id == "req_1"


async def test_an_accepted_create_may_carry_an_end_already() -> None:
    """DESIGN §5: HTTP 200 can carry a failed task; it was accepted all the same, and has an id."""
    body = {"success": True, "requestId": "req_1", "status": "failed", "error": {"message": "No"}}
    async with talking_to(INK, answering(200, body)) as client:
        reply = await create(client)

    assert reply == ProviderReply(provider_task_id="req_1", status="failed", error="No")


@EACH
async def test_a_create_is_sent_exactly_once_whatever_comes_back(spec: ProviderSpec) -> None:
    """DESIGN §3: the client never repeats a create by itself."""
    for status in (200, 302, 408, 429, 500, 503):
        seen: list[httpx.Request] = []

        def answer(request: httpx.Request, status: int = status, seen: list[httpx.Request] = seen) -> httpx.Response:
            seen.append(request)
            return httpx.Response(status, headers={"location": "https://elsewhere.example.com/", "retry-after": "0"})

        async with talking_to(spec, httpx.MockTransport(answer)) as client:
            with pytest.raises((RefusedError, AmbiguousError)):
                await create(client)
        assert len(seen) == 1


@pytest.mark.parametrize("location", ["http:a", "a:b", "mailto:x@y", "javascript:1", "http://xn--/", "//[", ""])
async def test_a_redirect_to_anywhere_leaves_open_what_became_of_the_create(location: str) -> None:
    """DESIGN §3: ambiguous on 3xx; the HTTP library reads the address even though nobody follows it."""
    async with talking_to(PROVIDERS[1], answering(302, {}, headers={"location": location})) as client:
        with pytest.raises(AmbiguousError):
            await create(client)
