"""Reading a picture from the web."""

import anyio
import pytest
from raw_server import RawServer, always, raw_server, reply, then_close

from seedance_mcp.media.address_guard import UnsafeUrlError
from seedance_mcp.media.fetch import MAX_PICTURE, PictureError, fetch_picture


async def fetched(server: RawServer) -> bytes:
    with anyio.fail_after(10):
        return await fetch_picture(f"{server.origin}/a.png", allowed_origins=frozenset({server.origin}))


async def test_a_picture_is_read_whole() -> None:
    """Ours: the demo starts from the picture a user names."""
    async with raw_server(always(reply(b"PNG" * 1000))) as server:
        assert await fetched(server) == b"PNG" * 1000


async def test_a_redirect_into_a_private_network_is_refused() -> None:
    """DESIGN §7: redirects are checked at every hop."""
    there = reply(status="302 Found", Location="http://127.0.0.1:1/secret")
    async with raw_server(always(there)) as server:
        with pytest.raises(UnsafeUrlError):
            await fetched(server)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (reply(status="404 Not Found"), "answered HTTP 404"),
        (reply(status="302 Found"), "answered HTTP 302"),
        (reply(status="302 Found", Location="a.png"), "redirects too often"),
        (reply(status="302 Found", Location="http://[bad"), "redirects to an address that is none"),
        (reply(length=MAX_PICTURE + 9, body=b"x" * (MAX_PICTURE + 9)), "is larger than 30 MB"),
    ],
    ids=["404", "no location", "endless redirect", "bad location", "too large"],
)
async def test_what_is_no_picture_is_refused_in_words(answer: bytes, said: str) -> None:
    """Ours: the text says which address and why."""
    async with raw_server(always(answer)) as server:
        with pytest.raises(PictureError, match=said):
            await fetched(server)


async def test_a_connection_that_breaks_is_no_picture() -> None:
    """Ours: half a picture is none."""
    async with raw_server(then_close(reply(b"half", length=100))) as server:
        with pytest.raises(PictureError, match="could not be read"):
            await fetched(server)


async def test_a_host_that_does_not_exist_is_no_picture() -> None:
    """RFC 2606: .invalid never resolves."""
    with anyio.fail_after(40), pytest.raises(PictureError, match="could not be read"):
        await fetch_picture("https://nowhere.invalid/a.png")
