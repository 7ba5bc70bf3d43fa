"""Reads a picture from the web, under the address guard."""

from urllib.parse import urljoin

import anyio

from seedance_mcp.http import HttpError, open_stream
from seedance_mcp.media.address_guard import resolve_public, shown_url

MAX_PICTURE = 30 * 1024 * 1024
"""Bytes; the largest picture that any provider's documents allow."""
MAX_HOPS = 5
TIMEOUT_S = 15.0


class PictureError(Exception):
    """A picture could not be read; the text says which and why."""


async def fetch_picture(url: str, *, allowed_origins: frozenset[str] = frozenset()) -> bytes:
    """The bytes behind a public https URL; every redirect is checked like the URL itself.

    Raises:
        UnsafeUrlError: It leads into a private network, or is not https.
        PictureError: It could not be read.
    """
    with anyio.move_on_after(2 * TIMEOUT_S):
        for _ in range(MAX_HOPS):
            step = await _hop(url, allowed_origins)
            if isinstance(step, bytes):
                return step
            url = step
        raise PictureError(f"{shown_url(url)} redirects too often.")
    raise PictureError(f"{shown_url(url)} did not arrive in time.")


async def _hop(url: str, allowed_origins: frozenset[str]) -> bytes | str:
    """The picture, or where it has moved to."""
    try:
        address = await resolve_public(url, allowed_origins=allowed_origins)
        async with open_stream(url, address=address, timeout_s=TIMEOUT_S) as answer:
            location = answer.headers.get("location")
            if 300 <= answer.status < 400 and location:
                return _joined(url, location)
            if answer.status != 200:
                raise PictureError(f"{shown_url(url)} answered HTTP {answer.status}.")
            picture = bytearray()
            async for chunk in answer.chunks:
                picture += chunk
                if len(picture) > MAX_PICTURE:
                    raise PictureError(f"{shown_url(url)} is larger than 30 MB.")
            return bytes(picture)
    except HttpError as error:
        raise PictureError(f"{shown_url(url)} could not be read: {error}.") from error


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError as error:
        raise PictureError(f"{shown_url(url)} redirects to an address that is none.") from error
