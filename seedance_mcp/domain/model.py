"""What a provider's model accepts, as data, and the check of a request against it."""

from collections.abc import Iterator
from dataclasses import dataclass

from seedance_mcp.domain.video import MODEL_DECIDES, Mode, Model, Resolution, VideoRequest

NO_LIMIT = 1_000_000
"""Where the documents name none."""
OPTIONS = (
    "last_frame",
    "generate_audio",
    "seed",
    "watermark",
    "camera_fixed",
    "return_last_frame",
    "first_frame_has_face",
    "last_frame_has_face",
)
"""Arguments that not every model takes; a model lists the ones it does."""
MAX_SHOWN = 40
"""Characters of what a caller asked for that a message repeats."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """What one model accepts at one provider. What is not listed is not accepted."""

    model: Model
    wire_model: str
    """The provider's own id."""
    modes: tuple[Mode, ...]
    resolutions: tuple[Resolution, ...]
    aspect_ratios: tuple[str, ...]
    durations: tuple[int, ...]
    """Seconds, ascending."""
    model_decides_duration: bool = False
    default_duration: int | None = None
    """Documented length when none is asked; None where the documents name none."""
    default_resolution: Resolution | None = None
    options: frozenset[str] = frozenset()
    audio_default: bool | None = None
    """Whether sound is made when the caller does not say; None where the documents do not."""
    seed_range: tuple[int, int] | None = None
    max_prompt: int | None = None
    """Characters."""
    prompt_is_optional: bool = False
    """Whether frames or references alone are enough; text-to-video always needs a prompt."""
    max_images: int = 0
    max_videos: int = 0
    max_audios: int = 0
    max_references: int | None = None
    audio_alone: bool = False
    """Whether reference audios may come without an image or a video."""


def problems_with(request: VideoRequest, spec: ModelSpec, who: str) -> list[str]:
    """Every reason why this model cannot make this request; empty when it can. `who` names the provider."""
    return [
        *_prompt_problems(request, spec, who),
        *_shape_problems(request, spec, who),
        *_option_problems(request, spec, who),
        *_media_problems(request, spec, who),
    ]


def describe_durations(spec: ModelSpec) -> str:
    """The lengths in words: `4 to 15 s`, `5 or 10 s`."""
    if len(spec.durations) > 1 and _is_gapless(spec):
        return f"{spec.durations[0]} to {spec.durations[-1]} s"
    return f"{one_of(tuple(map(str, spec.durations)))} s"


def _is_gapless(spec: ModelSpec) -> bool:
    return spec.durations == tuple(range(spec.durations[0], spec.durations[-1] + 1))


def one_of(values: tuple[str, ...]) -> str:
    """`a, b or c`."""
    return values[0] if len(values) == 1 else ", ".join(values[:-1]) + f" or {values[-1]}"


def _prompt_problems(request: VideoRequest, spec: ModelSpec, who: str) -> Iterator[str]:
    if not request.prompt.strip() and (request.mode == "text_to_video" or not spec.prompt_is_optional):
        yield f"{who} needs a prompt for {request.mode}; prompt was empty. Say what the video should show."
    if spec.max_prompt is not None and len(request.prompt) > spec.max_prompt:
        yield (
            f"{who} takes prompts of up to {spec.max_prompt} characters; prompt has {len(request.prompt)}. Shorten it."
        )


def _shape_problems(request: VideoRequest, spec: ModelSpec, who: str) -> Iterator[str]:
    if request.duration is not None and (problem := _duration_problem(request.duration, spec, who)):
        yield problem
    if request.resolution is not None and request.resolution not in spec.resolutions:
        yield (
            f"{who} makes {spec.model} in {one_of(spec.resolutions)}; resolution={_shown(request.resolution)} "
            "was asked. Choose one of these."
        )
    if request.aspect_ratio is not None and request.aspect_ratio not in spec.aspect_ratios:
        yield (
            f"{who} makes {spec.model} in {one_of(spec.aspect_ratios)}; aspect_ratio={_shown(request.aspect_ratio)} "
            "was asked. Choose one of these."
        )


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"


def _duration_problem(duration: int, spec: ModelSpec, who: str) -> str | None:
    if duration == MODEL_DECIDES and spec.model_decides_duration:
        return None
    if duration in spec.durations:
        return None
    text = f"{who} makes {describe_durations(spec)} with {spec.model}; duration={duration} was asked."
    if duration == MODEL_DECIDES:
        return f"{text} Name a length: the model cannot choose it here."
    if duration > spec.durations[-1]:
        or_less = " or less" if _is_gapless(spec) else ""
        return f"{text} Use {spec.durations[-1]}{or_less}, or make two videos."
    nearest = min(spec.durations, key=lambda seconds: abs(seconds - duration))
    return f"{text} Use {nearest}."


def _option_problems(request: VideoRequest, spec: ModelSpec, who: str) -> Iterator[str]:
    for option in OPTIONS:
        if option != "last_frame" and getattr(request, option) is not None and option not in spec.options:
            yield f"{who} has no setting {option}; {option}={getattr(request, option)!r} was asked. Leave it out."
    if request.seed is not None and spec.seed_range is not None:
        low, high = spec.seed_range
        if not low <= request.seed <= high:
            yield f"{who} takes seeds from {low} to {high}; seed={request.seed} was asked. Choose one in that range."


def _media_problems(request: VideoRequest, spec: ModelSpec, who: str) -> Iterator[str]:
    if request.references and (request.first_frame or request.last_frame):
        yield (
            "A video starts from frames or follows references, not both; both were given. "
            "Give first_frame/last_frame, or reference_images/videos/audios."
        )
        return
    if request.last_frame and not request.first_frame:
        yield "last_frame was given without first_frame. Give both, or only first_frame."
    for frame, given in (("first_frame", request.first_frame), ("last_frame", request.last_frame)):
        if f"{frame}_has_face" in spec.options and getattr(request, f"{frame}_has_face") is not None and not given:
            yield f"{frame}_has_face was given without {frame}. Give the picture too, or leave it out."
    if request.last_frame and "last_frame" not in spec.options:
        yield f"{who} cannot end {spec.model} on a given picture; last_frame was given. Leave it out."
    if request.mode not in spec.modes:
        yield f"{who} cannot do {request.mode} with {spec.model}; {_what_asks_for_the_mode(request)}"
    elif request.references:
        yield from _reference_problems(request, spec, who)
    if request.operation and not request.references:
        yield (
            f"operation={request.operation!r} needs references; none were given. Leave it out or give reference_videos."
        )


def _what_asks_for_the_mode(request: VideoRequest) -> str:
    if request.references and request.operation:
        return f"operation={request.operation!r} was asked. Leave operation out."
    if request.references:
        return "references were given. Leave them out, or give the picture as first_frame."
    if request.media_urls:
        return "a frame was given. Leave it out."
    return "no frame and no reference was given. Give a first_frame or references."


def _reference_problems(request: VideoRequest, spec: ModelSpec, who: str) -> Iterator[str]:
    for name, given, most in (
        ("reference_images", request.reference_images, spec.max_images),
        ("reference_videos", request.reference_videos, spec.max_videos),
        ("reference_audios", request.reference_audios, spec.max_audios),
    ):
        if len(given) > most:
            limit = f"up to {most}" if most else "no"
            yield f"{who} takes {limit} {name}; {len(given)} were given. Leave out {len(given) - most}."
    if spec.max_references is not None and len(request.references) > spec.max_references:
        yield (
            f"{who} takes up to {spec.max_references} references in all; {len(request.references)} were given. "
            "Leave some out."
        )
    if request.reference_audios and len(request.references) == len(request.reference_audios) and not spec.audio_alone:
        yield f"{who} does not take audio alone; only reference_audios were given. Add a reference image or video."
    if request.mode in {"edit_video", "extend_video"} and not request.reference_videos:
        yield f"{request.mode} needs a video; no reference_videos were given. Add the video to work on."
