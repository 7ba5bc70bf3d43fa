"""The one normalised request: what a caller wants, before any provider is chosen."""

import dataclasses
import hashlib
import json
import re
from dataclasses import dataclass
from typing import Literal, get_args

Model = Literal["seedance-2.0", "seedance-2.0-fast", "seedance-2.0-mini", "seedance-1.5-pro"]
Resolution = Literal["480p", "720p", "1080p", "4k"]
Mode = Literal["text_to_video", "image_to_video", "reference_to_video", "edit_video", "extend_video"]
Operation = Literal["reference_to_video", "edit_video", "extend_video"]

MODELS: tuple[Model, ...] = get_args(Model)
"""Best quality first."""
RESOLUTIONS: tuple[Resolution, ...] = get_args(Resolution)
OPERATIONS: tuple[Operation, ...] = get_args(Operation)

MODEL_DECIDES = -1
"""The `duration` that lets the model choose the length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoRequest:
    """What is wanted. None means the caller left it out, so the provider's own default holds."""

    prompt: str
    first_frame: str | None = None
    last_frame: str | None = None
    reference_images: tuple[str, ...] = ()
    reference_videos: tuple[str, ...] = ()
    reference_audios: tuple[str, ...] = ()
    model: Model | None = None
    provider: str | None = None
    resolution: Resolution | None = None
    aspect_ratio: str | None = None
    duration: int | None = None
    generate_audio: bool | None = None
    seed: int | None = None
    watermark: bool | None = None
    camera_fixed: bool | None = None
    return_last_frame: bool | None = None
    first_frame_has_face: bool | None = None
    last_frame_has_face: bool | None = None
    operation: Operation | None = None
    label: str | None = None

    @property
    def mode(self) -> Mode:
        """Worked out from what is given; never asked for."""
        if self.reference_images or self.reference_videos or self.reference_audios:
            return self.operation or "reference_to_video"
        if self.first_frame or self.last_frame:
            return "image_to_video"
        return "text_to_video"

    @property
    def references(self) -> tuple[str, ...]:
        """Every reference: images, then videos, then audios."""
        return (*self.reference_images, *self.reference_videos, *self.reference_audios)

    @property
    def media_urls(self) -> tuple[str, ...]:
        """Everything the provider will fetch: frames first, then references."""
        frames = tuple(url for url in (self.first_frame, self.last_frame) if url)
        return (*frames, *self.references)

    @property
    def fingerprint(self) -> str:
        """Equal for equal requests; what a repeated create is recognised by."""
        canonical = json.dumps(dataclasses.asdict(self), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()


_REFERENCE = re.compile(r"@(Image|Video|Audio)(\d+)", re.IGNORECASE | re.ASCII)


def lower_case_references(prompt: str) -> str:
    """`@Image1` as `@image1`, for providers that write references in lower case."""
    return _REFERENCE.sub(lambda match: match.group(0).lower(), prompt)
