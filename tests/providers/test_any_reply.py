"""Nothing that a provider can answer raises anything but our own errors."""

import json
import math
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from providers.recorded import SPECS
from providers.scripted import KEY, answering, create, talking_to
from seedance_mcp.domain.errors import AmbiguousError, BadReplyError, ProviderError, RefusedError, UnavailableError
from seedance_mcp.providers.json_view import JsonView
from seedance_mcp.providers.spec import ProviderReply, ProviderSpec

SPEC = st.sampled_from(list(SPECS.values()))
NAMES = (
    *("success", "requestId", "status", "output", "url", "error", "code", "message", "creditsCharged", "taskId"),
    *("creditsUsed", "lastFrameImage", "errors", "path", "required", "available", "limit", "current", "id", "progress"),
    *("video_url", "last_frame_url", "lastFrameImage", "results", "usage", "credits_reserved", "type"),
    *("generations", "generation_id", "result_url", "error_message", "videos", "title", "detail", "status_message"),
    *("task_id", "data", "content", "fail_reason"),
)
WORDS = st.text(st.characters()) | st.sampled_from(["succeeded", "fail", "queued", "unauthorized", KEY, "\ud800", "\0"])
NUMBERS = st.integers() | st.integers(10**300, 10**400) | st.floats()
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | WORDS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), inner, max_size=8)
    ),
    max_leaves=25,
)
OBJECTS = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=8)
STATUSES = st.sampled_from((200, 201, 204, 302, 400, 401, 404, 409, 418, 429, 500, 503))
RELAXED = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def is_plain(reply: ProviderReply) -> bool:
    """Whether a reply can be stored, shown and computed with."""
    words = (reply.provider_task_id, reply.status, reply.video_url, reply.last_frame_url, reply.error)
    for word in words:
        assert word is None or (word and word.encode())
    return all(number is None or math.isfinite(number) for number in (reply.progress, reply.credits, reply.usd))


@RELAXED
@given(SPEC, VALUES | OBJECTS)
@example(SPECS["kinovi"], {"status": "fail", "error": {"code": 10**400, "message": []}, "creditsUsed": 10**400})
@example(SPECS["kinovi"], {"message": "no", "errors": [{"path": [[]]}, {"path": {}}, None], "limit": math.nan})
@example(SPECS["seedance2_ink"], {"success": False, "error": [], "output": "https://example.com/a.mp4"})
@example(SPECS["aihubmax"], {"results": [["https://example.com/a.mp4"]], "usage": {"credits_reserved": math.inf}})
@example(SPECS["oxen"], {"generations": {}, "videos": [[]], "error": "no", "status": "error"})
@example(SPECS["uniall"], {"data": [], "error": {"message": {}}, "status": 7})
def test_parsers_read_any_json_without_raising(spec: ProviderSpec, value: Any) -> None:
    """Ours: an answer that surprises is handled by the client, not by a stack trace."""
    view = JsonView(value)
    reply, refusal = spec.parse_reply(view), spec.parse_refusal(view)

    assert is_plain(reply)
    assert all(word is None or word.encode() for word in (refusal.message, refusal.code))


@RELAXED
@given(VALUES | OBJECTS)
def test_events_are_read_without_raising(value: Any) -> None:
    """Ours: an event that surprises must not end the stream that all tasks share."""
    for spec in SPECS.values():
        if spec.events is not None:
            assert is_plain(spec.events.parse(JsonView(value)))


@RELAXED
@given(SPEC, STATUSES, OBJECTS.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=60))
@example(SPECS["oxen"], 200, b'{"generations": [], "error": {"detail": "no"}}')
@example(SPECS["aihubmax"], 422, b'{"error": {"code": 7, "message": []}}')
@example(SPECS["kinovi"], 200, b'{"taskId": "t", "creditsUsed": 1' + b"0" * 5000 + b"}")
@example(SPECS["seedance2_ink"], 200, b'{"requestId": "\\ud83d", "success": true}')
@example(SPECS["seedance2_ink"], 200, b'{"a":' * 50_000)
async def test_a_create_is_accepted_refused_or_open_whatever_comes_back(
    spec: ProviderSpec, status: int, content: bytes
) -> None:
    """DESIGN §3: three ways, no fourth; and no key in any of them."""
    async with talking_to(spec, answering(status, content=content)) as client:
        try:
            reply = await create(client)
        except (RefusedError, AmbiguousError) as error:
            check_words(error)
        else:
            assert reply.provider_task_id
            assert not reply.refused
            assert 200 <= status < 300


@RELAXED
@given(SPEC, STATUSES, OBJECTS.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=60))
async def test_a_poll_tells_a_status_or_why_not_whatever_comes_back(
    spec: ProviderSpec, status: int, content: bytes
) -> None:
    """DESIGN §6: what cannot be read is asked for again; an unknown word is an error with a name."""
    async with talking_to(spec, answering(status, content=content)) as client:
        try:
            reply = await client.fetch("t_1")
            assert client.status_of(reply) in spec.statuses.values()
        except (RefusedError, UnavailableError, BadReplyError) as error:
            check_words(error)


def check_words(error: ProviderError) -> None:
    """Can be encoded, does not show the key, is of a readable length."""
    assert error.message.encode()
    assert KEY not in error.message
    assert "\n" not in error.message
    assert len(error.message) < 1000


@given(VALUES, st.lists(st.sampled_from(NAMES) | st.integers(-6, 6), max_size=4))
def test_a_view_answers_every_question_with_a_value_or_none(value: Any, path: list[str | int]) -> None:
    """Ours: questions are total, so parsers need no error handling."""
    view = JsonView(value)
    text, number, flag = view.text(*path), view.number(*path), view.flag(*path)

    assert text is None or (text and text.encode())
    assert number is None or math.isfinite(number)
    assert flag in {None, True, False}
    assert sum(answer is not None for answer in (text, number, flag)) <= 1
    view.get(*path)


@given(st.binary() | VALUES.map(lambda value: json.dumps(value).encode()))
def test_bytes_are_a_view_or_none(raw: bytes) -> None:
    """Ours: only a JSON object is an answer."""
    view = JsonView.parse(raw)
    try:
        is_object = isinstance(json.loads(raw), dict)
    except ValueError:
        is_object = False
    assert (view is not None) == is_object


@pytest.mark.parametrize(
    ("raw", "is_view"),
    [
        (b"{}", True),
        (b'\xef\xbb\xbf{"a": 1}', True),
        ('{"a": 1}'.encode("utf-16"), True),
        (b'{"a": 1} trailing', False),
        (b"[" * 200_000, False),
        (b'{"a": ' * 200_000, False),
        (b'{"a": 1' + b"0" * 10_000 + b"}", False),
        (b"\xed\xa0\x80", False),
    ],
)
def test_odd_bytes_are_read_or_not_and_never_raise(raw: bytes, is_view: bool) -> None:
    """Ours: byte order marks are common behind some gateways; depth and length are attacks."""
    assert (JsonView.parse(raw) is not None) == is_view


@pytest.mark.parametrize(
    ("value", "path", "expected"),
    [
        ({"a": [{"b": "x"}]}, ("a", 0, "b"), "x"),
        ({"a": [{"b": "x"}]}, ("a", 1, "b"), None),
        ({"a": [{"b": "x"}]}, ("a", -1, "b"), None),
        ({"a": {"0": "x"}}, ("a", 0), None),
        ({"a": ["x"]}, ("a", "0"), None),
        ({"a": ""}, ("a",), None),
        ({"a": 7}, ("a",), None),
        ("x", (), "x"),
    ],
)
def test_a_path_leads_through_objects_and_lists(value: Any, path: tuple[str | int, ...], expected: str | None) -> None:
    """Ours: names go into objects, counts from 0 into lists, nothing else into anything."""
    assert JsonView(value).text(*path) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(7, 7.0), (1.5, 1.5), (0, 0.0), (True, None), ("7", None), (math.nan, None), (math.inf, None), (10**400, None)],
)
def test_numbers_are_finite_and_not_booleans(value: Any, expected: float | None) -> None:
    """Ours: a charge that is not a number must not reach the sums of the budget."""
    assert JsonView({"n": value}).number("n") == expected
