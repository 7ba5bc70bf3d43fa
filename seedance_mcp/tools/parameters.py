"""The arguments that describe a video, derived from what the configured providers accept."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from seedance_mcp.domain.model import NO_LIMIT, ModelSpec, describe_durations
from seedance_mcp.domain.video import MODEL_DECIDES, MODELS, OPERATIONS, RESOLUTIONS
from seedance_mcp.providers.spec import ProviderSpec

Kind = Literal["string", "integer", "number", "boolean", "strings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One argument of a tool: what is published about it and what it is checked against."""

    name: str
    kind: Kind
    description: str
    required: bool = False
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    checked_later: bool = False
    """Published limits and choices are not enforced here: the check against each provider says it better."""


def video_parameters(specs: Sequence[ProviderSpec]) -> tuple[Parameter, ...]:
    """Every argument that at least one of these providers takes; differences are named where there are any."""
    return tuple(parameter for make in _MAKERS for parameter in make(specs))


def offered_elsewhere(specs: Sequence[ProviderSpec], known: Sequence[ProviderSpec]) -> Mapping[str, tuple[str, ...]]:
    """Arguments that none of `specs` takes, and which of the known providers would, if their key were set."""
    ours = {parameter.name for parameter in video_parameters(specs)}
    found: dict[str, list[str]] = {}
    for spec in (spec for spec in known if spec.key_variable):
        for parameter in video_parameters((spec,)):
            if parameter.name not in ours:
                found.setdefault(parameter.name, []).append(spec.id)
    return {name: tuple(ids) for name, ids in found.items()}


def _offered(specs: Sequence[ProviderSpec], option: str) -> list[str]:
    return [spec.id for spec in specs if any(option in model.options for model in spec.models)]


def _only(specs: Sequence[ProviderSpec], ids: Sequence[str]) -> str:
    """` Only kinovi.` or ` Not kinovi.` where not all of them take it."""
    if not ids or len(ids) == len(specs):
        return ""
    return f" {_who(specs, ids).capitalize() if len(ids) > len(specs) / 2 else 'Only ' + ', '.join(ids)}."


def _who(specs: Sequence[ProviderSpec], ids: Sequence[str]) -> str:
    """`kinovi, oxen`, or `not kinovi` where that is shorter."""
    others = [spec.id for spec in specs if spec.id not in ids]
    return f"not {', '.join(others)}" if len(others) < len(ids) else ", ".join(ids)


def _option(name: str, kind: Kind, description: str) -> Callable[[Sequence[ProviderSpec]], Iterable[Parameter]]:
    def make(specs: Sequence[ProviderSpec]) -> Iterable[Parameter]:
        if ids := _offered(specs, name):
            yield Parameter(name=name, kind=kind, description=description + _only(specs, ids))

    return make


def _prompt(specs: Sequence[ProviderSpec]) -> Iterable[Parameter]:
    has_references = any(
        model.max_references != 0 and _max_references(model) for spec in specs for model in spec.models
    )
    how = " Refer to references as @Image1, @Video1, @Audio1." if has_references else ""
    yield Parameter(name="prompt", kind="string", description=f"What happens in the video.{how}", required=True)


def _first_frame(_specs: Sequence[ProviderSpec]) -> Iterable[Parameter]:
    yield Parameter(name="first_frame", kind="string", description="Public https URL of the picture it starts from.")


def _references(specs: Sequence[ProviderSpec]) -> Iterable[Parameter]:
    yield from _reference_list(specs, "images", "pictures to follow, not to start from", lambda one: one.max_images)
    yield from _reference_list(specs, "videos", "videos to follow", lambda one: one.max_videos)
    yield from _reference_list(specs, "audios", "sounds to follow", lambda one: one.max_audios)


def _reference_list(
    specs: Sequence[ProviderSpec], noun: str, what: str, most: Callable[[ModelSpec], int]
) -> Iterable[Parameter]:
    counts = {spec.id: max(most(model) for model in spec.models) for spec in specs}
    given = [count for count in counts.values() if count]
    if given:
        usual = max(set(given), key=lambda count: (given.count(count), -count))
        others = ", ".join(f"{name} {count_of(count)}" for name, count in counts.items() if count not in {0, usual})
        limit = count_of(usual) + (f" ({others})" if others else "")
        where = _only(specs, [name for name, count in counts.items() if count])
        yield Parameter(
            name=f"reference_{noun}", kind="strings", description=f"https URLs of {what}, up to {limit}.{where}"
        )


def count_of(most: int) -> str:
    """A limit as text; `any` where the documents name none."""
    return "any" if most == NO_LIMIT else str(most)


def _max_references(model: ModelSpec) -> int:
    return model.max_images + model.max_videos + model.max_audios


def _model(specs: Sequence[ProviderSpec]) -> Iterable[Parameter]:
    offered = tuple(model for model in MODELS if any(spec.model_for(model) for spec in specs))
    where = _differences(specs, offered, lambda spec, value: spec.model_for(value) is not None)
    yield Parameter(
        name="model",
        kind="string",
        description=f"Default: the best that fits.{where}",
        choices=offered,
        checked_later=True,
    )


def _provider(specs: Sequence[ProviderSpec]) -> Iterable[Parameter]:
    ids = tuple(spec.id for spec in specs)
    default = "Default: the server chooses." if len(ids) > 1 else "Only this one is configured."
    yield Parameter(name="provider", kind="string", description=default, choices=ids, checked_later=True)


def _resolution(specs: Sequence[ProviderSpec]) -> Iterable[Parameter]:
    offered = tuple(one for one in RESOLUTIONS if any(_has_resolution(spec, one) for spec in specs))
    where = _differences(specs, offered, _has_resolution)
    defaults = {model.default_resolution for spec in specs for model in spec.models}
    known = sorted(one for one in defaults if one)
    default = f" Default {known[0]}." if len(known) == 1 and len(defaults) == 1 else ""
    yield Parameter(
        name="resolution",
        kind="string",
        description=f"Picture size.{default}{where}",
        choices=offered,
        checked_later=True,
    )


def _has_resolution(spec: ProviderSpec, value: str) -> bool:
    return any(value in model.resolutions for model in spec.models)


def _aspect_ratio(specs: Sequence[ProviderSpec]) -> Iterable[Parameter]:
    offered = tuple(dict.fromkeys(ratio for spec in specs for model in spec.models for ratio in model.aspect_ratios))
    where = _differences(specs, offered, _has_ratio)
    yield Parameter(
        name="aspect_ratio",
        kind="string",
        description=f"Width to height.{where}",
        choices=offered,
        checked_later=True,
    )


def _has_ratio(spec: ProviderSpec, value: str) -> bool:
    return any(value in model.aspect_ratios for model in spec.models)


def _duration(specs: Sequence[ProviderSpec]) -> Iterable[Parameter]:
    models = [(spec, model) for spec in specs for model in spec.models]
    lengths = {describe_durations(model) for _, model in models}
    low = min(model.durations[0] for _, model in models)
    high = max(model.durations[-1] for _, model in models)
    odd: list[str] = []
    for spec in specs:
        own = {model.durations for model in spec.models}
        odd.extend(
            f"{spec.id if len(own) == 1 else model.model}: {describe_durations(model)}"
            for model in spec.models
            if model.durations != tuple(range(low, high + 1))
        )
    decides = [spec.id for spec in specs if any(model.model_decides_duration for model in spec.models)]
    where = "" if len(decides) == len(specs) else f" ({_who(specs, decides)})"
    free = f" -1 = the model decides{where}." if decides else ""
    defaults = {model.default_duration for _, model in models}
    default = f" Default {defaults.pop()}." if len(defaults) == 1 and None not in defaults else ""
    differences = f" {'; '.join(dict.fromkeys(odd))}." if odd and len(lengths) > 1 else ""
    yield Parameter(
        name="duration",
        kind="integer",
        description=f"Seconds.{default}{free}{differences}",
        minimum=MODEL_DECIDES if decides else low,
        maximum=high,
        checked_later=True,
    )


def _seed(specs: Sequence[ProviderSpec]) -> Iterable[Parameter]:
    for parameter in _option("seed", "integer", "Same seed, similar result; -1 = random.")(specs):
        ranges = [model.seed_range for spec in specs for model in spec.models if model.seed_range]
        low, high = min((low for low, _ in ranges), default=None), max((high for _, high in ranges), default=None)
        yield replace(parameter, minimum=low, maximum=high, checked_later=True)


def _operation(specs: Sequence[ProviderSpec]) -> Iterable[Parameter]:
    modes = {mode for spec in specs for model in spec.models for mode in model.modes}
    offered = tuple(operation for operation in OPERATIONS if operation in modes)
    if len(offered) > 1:
        ids = [spec.id for spec in specs if any("edit_video" in model.modes for model in spec.models)]
        yield Parameter(
            name="operation",
            kind="string",
            description=f"What to do with reference_videos.{_only(specs, ids)}",
            choices=offered,
        )


def _differences(specs: Sequence[ProviderSpec], values: Sequence[str], has: Callable[[ProviderSpec, str], bool]) -> str:
    """` 4k: kinovi.` for every value that not all of them offer."""
    if len(specs) < 2:
        return ""
    by_ids: dict[tuple[str, ...], list[str]] = {}
    for value in values:
        ids = tuple(spec.id for spec in specs if has(spec, value))
        if len(ids) < len(specs):
            by_ids.setdefault(ids, []).append(value)
    return "".join(f" {', '.join(group)}: {_who(specs, ids)}." for ids, group in by_ids.items())


_MAKERS: tuple[Callable[[Sequence[ProviderSpec]], Iterable[Parameter]], ...] = (
    _prompt,
    _first_frame,
    _option("last_frame", "string", "URL of the picture it ends on; needs first_frame."),
    _references,
    _model,
    _provider,
    _resolution,
    _aspect_ratio,
    _duration,
    _option("generate_audio", "boolean", "With sound or without. Default: the provider's."),
    _seed,
    _option("watermark", "boolean", "Mark the video as made by AI."),
    _option("camera_fixed", "boolean", "Keep the camera still."),
    _option("return_last_frame", "boolean", "Also give the last frame as a picture."),
    _option("first_frame_has_face", "boolean", "first_frame shows a real person."),
    _option("last_frame_has_face", "boolean", "last_frame shows a real person."),
    _operation,
)
