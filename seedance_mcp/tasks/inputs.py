"""What a caller may give as a frame or a reference, and in what form it reaches the provider."""

from seedance_mcp.domain.video import VideoRequest
from seedance_mcp.media.address_guard import UnsafeUrlError, check_url

MAX_URL = 2048
"""Characters; longer ones are refused by common servers (RFC 9110 asks for 8000, many stop at 2048)."""


def media_problems(request: VideoRequest, allowed_origins: frozenset[str]) -> list[str]:
    """Every frame or reference that cannot be passed on: providers fetch public https URLs."""
    named = [("first_frame", request.first_frame), ("last_frame", request.last_frame)]
    named += [("reference_images", url) for url in request.reference_images]
    named += [("reference_videos", url) for url in request.reference_videos]
    named += [("reference_audios", url) for url in request.reference_audios]
    return [
        f"{name}: {problem}" for name, url in named if url and (problem := _problem(url, allowed_origins)) is not None
    ]


def _problem(url: str, allowed_origins: frozenset[str]) -> str | None:
    if url.startswith("data:"):
        return "providers fetch pictures from a public https URL; a data: URI was given. Put the file on the web."
    if "://" not in url:
        shown = url if len(url) <= 60 else url[:59] + "…"
        return f"providers fetch pictures from a public https URL; {shown!r} was given. Put the file on the web."
    if len(url) > MAX_URL:
        return f"a URL of {len(url)} characters was given; the most is {MAX_URL}. Use a shorter link."
    try:
        check_url(url, allowed_origins=allowed_origins)
    except UnsafeUrlError as error:
        return str(error)
    return None
