"""What a caller hands in and hears back, apart from the task itself."""

from dataclasses import dataclass

from seedance_mcp.domain.video import VideoRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One wish for a video, and what may limit or repeat it."""

    owner: str
    request: VideoRequest
    idempotency_key: str | None = None
    max_cost_usd: float | None = None
