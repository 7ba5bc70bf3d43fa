"""The reader of event streams: whatever the network does to the bytes, the events stay the same."""

import itertools
from collections.abc import AsyncGenerator, Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from seedance_mcp.providers.server_sent_events import MAX_EVENT, MAX_LINE, server_sent_events

Event = tuple[str, str]
ENDS = ("\n", "\r", "\r\n")
LETTERS = st.characters(exclude_characters="\r\n\0\ufeff", exclude_categories=("Cs",))
"""No line ends, and nothing that does not survive UTF-8."""
LINES = st.text(LETTERS, max_size=12)


async def events_in(*chunks: bytes) -> list[Event]:
    """The events of a stream that arrives in these pieces."""

    async def stream() -> AsyncGenerator[bytes]:
        for chunk in chunks:
            yield chunk

    return [event async for event in server_sent_events(stream())]


def cut(raw: bytes, places: Sequence[int]) -> list[bytes]:
    """The bytes in pieces; some of them are empty."""
    bounds = [0, *sorted(place % (len(raw) + 1) for place in places), len(raw)]
    return [raw[start:end] for start, end in itertools.pairwise(bounds)]


async def test_names_and_data_of_the_providers_own_events_come_out() -> None:
    """Provider: docs.oxen.ai, async queue: a keep-alive comment, an event of another kind, one that counts."""
    stream = (
        b": keep-alive\n\n"
        b'event: deployment_status_changed\ndata: {"status":"active"}\n\n'
        b'event: media_generation_completed\ndata: {"generation_id":"g","status":"succeeded"}\n\n'
    )
    assert await events_in(stream) == [
        ("deployment_status_changed", '{"status":"active"}'),
        ("media_generation_completed", '{"generation_id":"g","status":"succeeded"}'),
    ]


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        pytest.param("data: a\ndata: b\ndata:\ndata: c\n\n", [("message", "a\nb\n\nc")], id="several lines"),
        pytest.param("data:a\n\ndata:  b\n\n", [("message", "a"), ("message", " b")], id="one space goes"),
        pytest.param("data\n\n", [("message", "")], id="no colon"),
        pytest.param("data: a: b\n\n", [("message", "a: b")], id="another colon"),
        pytest.param(": one\ndata: a\n: two\n\n:\n\n", [("message", "a")], id="comments"),
        pytest.param("event: x\n\ndata: a\n\n", [("message", "a")], id="no data, no event"),
        pytest.param("event: x\nevent: y\ndata: a\n\n", [("y", "a")], id="the last name"),
        pytest.param("event:\ndata: a\n\n", [("message", "a")], id="an empty name is none"),
        pytest.param("event: x\ndata: a\n\ndata: b\n\n", [("x", "a"), ("message", "b")], id="a name is used once"),
        pytest.param("id: 7\nretry: 10\nData: no\n data: no\ndata: a\n\n", [("message", "a")], id="other fields"),
        pytest.param("data: a\n", [], id="unfinished"),
        pytest.param("data: a\n\ndata: b", [("message", "a")], id="unfinished second"),
        pytest.param("\ufeffdata: a\n\n\ufeffdata: b\n\n", [("message", "a")], id="a mark at the start only"),
        pytest.param("data: a\r\r", [("message", "a")], id="returns alone, to the very end"),
        pytest.param("data: a\r\n\r\ndata: b\n\r", [("message", "a"), ("message", "b")], id="ends of all kinds"),
    ],
)
async def test_a_stream_is_read_as_the_standard_says(stream: str, expected: list[Event]) -> None:
    """Ours, after WHATWG HTML §9.2.6, "Interpreting an event stream"."""
    assert await events_in(stream.encode()) == expected
    assert await events_in(*(bytes((byte,)) for byte in stream.encode())) == expected


@settings(deadline=None)
@given(
    events=st.lists(st.tuples(LINES, st.lists(LINES, min_size=1, max_size=3), LINES), max_size=4),
    end=st.sampled_from(ENDS),
    places=st.lists(st.integers(0, 400), max_size=8),
)
@example(events=[("ü", ["ü", "中文"], "")], end="\r\n", places=list(range(60)))
async def test_the_same_events_come_out_however_a_stream_is_cut(
    events: list[tuple[str, list[str], str]], end: str, places: list[int]
) -> None:
    """Ours: a cut may fall into a character, between a return and a line feed, anywhere; comments change nothing."""
    lines: list[str] = []
    for name, data, comment in events:
        lines += [f":{comment}", f"event: {name}", *(f"data: {line}" for line in data), ""]
    raw = "".join(line + end for line in lines).encode()
    expected = [(name or "message", "\n".join(data)) for name, data, _ in events]
    assert await events_in(*cut(raw, places)) == expected


@settings(deadline=None)
@given(
    raw=st.lists(st.sampled_from([b"data", b"event", b":", b" ", b"\r", b"\n", b"\xef\xbb\xbf", b"\xf0\x9f", b"\xff"])),
    places=st.lists(st.integers(0, 100), max_size=8),
)
async def test_bytes_of_any_kind_are_read_alike_whole_and_in_pieces(raw: list[bytes], places: list[int]) -> None:
    """Ours: what is broken is broken in the same way, and never an exception."""
    whole = b"".join(raw)
    assert await events_in(*cut(whole, places)) == await events_in(whole)


async def test_an_event_that_ends_in_returns_comes_out_before_the_next_piece() -> None:
    """Ours: early word of a video must not wait for the next event to arrive."""
    heard: list[Event] = []
    pieces = [b"data: a\r\r", b"\ndata: b\r\n\r\n"]

    async def stream() -> AsyncGenerator[bytes]:
        for before, piece in enumerate(pieces):
            assert len(heard) == before
            yield piece

    async for event in server_sent_events(stream()):
        heard += [event]
    assert heard == [("message", "a"), ("message", "b")]


@pytest.mark.parametrize("size", [4 * 1024, MAX_EVENT * 8], ids=lambda size: f"pieces of {size}")
@pytest.mark.parametrize(
    "long",
    [
        pytest.param(b"data: " + b"x" * MAX_EVENT, id="one line"),
        pytest.param(b"data: x\n" * (MAX_EVENT // 2 + 1), id="many lines"),
        pytest.param(b"data\n" * (MAX_EVENT + 1), id="many empty lines"),
        pytest.param(b"data: x\ndata: " + b"x" * MAX_EVENT + b"data: y", id="a field's name far inside"),
        pytest.param(b":" + b"x" * MAX_EVENT + b"data: y", id="a comment"),
    ],
)
async def test_what_is_too_long_is_dropped_and_the_next_event_comes_out(long: bytes, size: int) -> None:
    """Ours: a broken server must not fill the memory, nor smuggle an event in at the end of a line."""
    raw = long + b"\n\nevent: x\ndata: a\n\n"
    pieces = [raw[start : start + size] for start in range(0, len(raw), size)]
    assert await events_in(*pieces) == [("x", "a")]


async def test_the_end_of_a_line_that_is_too_long_is_never_taken_for_a_line() -> None:
    """Ours: what an event is called must not depend on where the network cut it."""
    smuggled = b"event: y" + b"z" * (MAX_LINE - len(b"event: y"))
    assert await events_in(b":" + b"x" * 100 + smuggled, b"\ndata: a\n\n") == [("message", "a")]


async def test_the_longest_event_that_is_taken_comes_out_whole() -> None:
    """Ours: one character of it is the line's end."""
    longest = b"x" * (MAX_EVENT - 1)
    assert await events_in(b"data: " + longest, b"\n\n") == [("message", longest.decode())]
