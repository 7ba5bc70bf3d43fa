"""Every documented answer of every provider, read by the code that will read it."""

from collections.abc import Awaitable, Callable

import pytest

from providers.recorded import SPECS, Recorded, recorded, reply_of
from providers.scripted import answering, create, talking_to
from seedance_mcp.domain.errors import AmbiguousError, ProviderError, RefusedError, UnavailableError
from seedance_mcp.providers.client import ProviderClient
from seedance_mcp.providers.json_view import JsonView
from seedance_mcp.providers.spec import ProviderReply, ProviderSpec

REPLIES = [case for case in recorded("replies") if "reply" in case.data and case.data["asked"] != "event"]
EVENTS = [case for case in recorded("replies") if case.data["asked"] == "event"]
ERRORS = [case for case in recorded("replies") if "error" in case.data]
TYPES = {kind.__name__: kind for kind in (RefusedError, AmbiguousError, UnavailableError)}
ASK: dict[str, Callable[[ProviderClient, str], Awaitable[ProviderReply]]] = {
    "create": lambda client, _: create(client),
    "fetch": lambda client, task_id: client.fetch(task_id),
    "cancel": lambda client, task_id: client.cancel(task_id),
}


@pytest.mark.parametrize("case", REPLIES, ids=str)
async def test_a_documented_reply_is_read_as_it_is_meant(case: Recorded) -> None:
    """Provider: the page named in each file's `source`."""
    answer = answering(case.data["http_status"], case.data["body"])
    async with talking_to(case.spec, answer) as client:
        reply = await ASK[case.data["asked"]](client, case.task_id)

        assert reply == reply_of(case.data["reply"])
        if case.data["means"] is not None:
            assert client.status_of(reply) == case.data["means"]


@pytest.mark.parametrize("case", EVENTS, ids=str)
async def test_a_documented_event_is_read_as_it_is_meant(case: Recorded) -> None:
    """Provider: the page named in each file's `source`."""
    assert case.spec.events is not None
    reply = case.spec.events.parse(JsonView(case.data["body"]))

    assert reply == reply_of(case.data["reply"])
    async with talking_to(case.spec) as client:
        assert client.status_of(reply) == case.data["means"]


@pytest.mark.parametrize("case", ERRORS, ids=str)
async def test_a_documented_error_becomes_words_that_say_what_to_do(case: Recorded) -> None:
    """Provider: the page named in each file's `source`. DESIGN §3 Errors: their own words, and what to do next."""
    expected = case.data["error"]
    answer = answering(case.data["http_status"], case.data["body"])
    async with talking_to(case.spec, answer) as client:
        with pytest.raises(ProviderError) as caught:
            await ASK[case.data["asked"]](client, case.task_id)

    error = caught.value
    assert type(error) is TYPES[expected["type"]]
    assert (error.kind, error.message, error.can_retry) == (
        expected["kind"],
        expected["message"],
        expected["retryable"],
    )


@pytest.mark.parametrize("spec", SPECS.values(), ids=lambda spec: spec.id)
def test_every_status_word_and_an_error_of_every_provider_are_recorded(spec: ProviderSpec) -> None:
    """providers/__init__.py: one reply for each status and one error, each with its source."""
    cases = [case for case in REPLIES if case.spec.id == spec.id]
    words = {(case.data["reply"].get("status") or "").lower() for case in cases} - {""}
    assert words == set(spec.statuses)
    assert any(case.spec.id == spec.id for case in ERRORS)


@pytest.mark.parametrize("case", REPLIES + EVENTS + ERRORS, ids=str)
def test_every_recorded_reply_names_its_source(case: Recorded) -> None:
    """Ours: what nobody documented says so (`inferred`, `Ours`), and what somebody did has a page."""
    source = case.data["source"]
    assert source.startswith(("Seed 00", "https://", "DESIGN", "Ours:"))


@pytest.mark.parametrize(
    ("provider", "statuses"),
    [("kinovi", {400, 401, 402, 403, 404, 429}), ("aihubmax", {400, 401, 402, 404, 422, 429, 500, 503})],
)
def test_every_documented_error_status_is_recorded(provider: str, statuses: set[int]) -> None:
    """Provider: seed 003, the table of HTTP statuses, and providers.md §4.4; providers.md §1.5."""
    assert statuses <= {case.data["http_status"] for case in ERRORS if case.spec.id == provider}
