"""Reads a text/event-stream (WHATWG HTML, "Server-sent events"): names and data; ids and retry times are not used."""

import codecs
from collections.abc import AsyncGenerator, AsyncIterator

MAX_EVENT = 1024 * 1024
"""Characters of one event's data, line ends counted; what is longer is dropped and never held in memory."""
MAX_LINE = MAX_EVENT + len("data: ")


async def server_sent_events(chunks: AsyncIterator[bytes]) -> AsyncGenerator[tuple[str, str]]:
    """(name, data) of every event that holds data."""
    name, data, size = "", list[str](), 0
    async for line in _lines(chunks):
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data and size <= MAX_EVENT:
                yield name or "message", "\n".join(data)
            name, data, size = "", [], 0
        elif field == "event":
            name = value
        elif field == "data":
            size += len(value) + 1
            if size <= MAX_EVENT:
                data.append(value)


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncGenerator[str]:
    """Every whole line, without what is beyond `MAX_LINE`. A carriage return ends a line at once, whatever follows."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
    rest, after_return = "", False
    async for chunk in chunks:
        text = decoder.decode(chunk)
        if not text:
            continue
        after, after_return = after_return, text.endswith("\r")
        if after:
            text = text.removeprefix("\n")
        *whole, rest = (rest + text).replace("\r\n", "\n").replace("\r", "\n").split("\n")
        rest = rest[:MAX_LINE]
        for line in whole:
            yield line[:MAX_LINE]
