"""Requests as tests write them."""

from typing import Any

from seedance_mcp.domain.video import VideoRequest


def wish(**facts: Any) -> VideoRequest:
    """A request for something, with these facts about it."""
    given: dict[str, Any] = {"prompt": "x", **facts}
    return VideoRequest(**given)
