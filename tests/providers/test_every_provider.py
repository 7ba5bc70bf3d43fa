"""What holds for every provider record, whoever adds one."""

import inspect
import re
from collections.abc import Callable
from importlib import import_module
from typing import Any, get_args

import pytest

from providers.recorded import SPECS
from providers.wishes import wish
from seedance_mcp.domain.model import OPTIONS, ModelSpec
from seedance_mcp.domain.task import ENDS, STATUSES
from seedance_mcp.domain.video import MODEL_DECIDES, MODELS, RESOLUTIONS, Mode, Model, VideoRequest
from seedance_mcp.providers import DEMO, PROVIDERS
from seedance_mcp.providers.spec import ConfiguredProvider, Endpoint, ProviderSpec

EVERY = pytest.mark.parametrize("spec", SPECS.values(), ids=lambda spec: spec.id)
REAL = pytest.mark.parametrize("spec", PROVIDERS, ids=lambda spec: spec.id)
MODEL_OF = [(spec, model) for spec in SPECS.values() for model in spec.models]
EVERY_MODEL = pytest.mark.parametrize(
    ("spec", "model"), MODEL_OF, ids=[f"{spec.id}-{model.wire_model}" for spec, model in MODEL_OF]
)
SEEDS: dict[str, dict[Model, str]] = {
    "aihubmax": {"seedance-2.0": "seedance-2.0", "seedance-2.0-fast": "seedance-2.0-fast"},
    "oxen": {
        "seedance-2.0": "bytedance-seedance-2-0",
        "seedance-2.0-fast": "bytedance-seedance-2-0-fast",
        "seedance-2.0-mini": "bytedance-seedance-2-0-mini",
    },
    "seedance2_ink": {
        "seedance-2.0": "seedance-2.0",
        "seedance-2.0-fast": "seedance-2.0-fast",
        "seedance-1.5-pro": "seedance-1.5-pro",
    },
    "kinovi": {"seedance-2.0": "seedance-20", "seedance-2.0-fast": "seedance2-fast"},
    "uniall": {
        "seedance-2.0": "seedance2.0",
        "seedance-2.0-fast": "seedance2.0-fast",
        "seedance-2.0-mini": "seedance2.0-mini",
    },
}
"""Every model of the seeds, and the id it is sent as; at 000 and 001 the mode is added to it, at 004 the resolution."""
DESIGN_TABLE = {
    "aihubmax": ("https://api.aihubmax.com", "POST /v1/videos/generations", "GET /v1/tasks/{task_id}", None),
    "oxen": (
        "https://hub.oxen.ai",
        "POST /api/ai/queue",
        "GET /api/ai/queue/{task_id}",
        "DELETE /api/ai/queue/{task_id}",
    ),
    "seedance2_ink": (
        "https://www.seedance2.ink",
        "POST /api/open/v1/video/generations",
        "GET /api/open/v1/video/generations/{task_id}",
        "POST /api/open/v1/video/generations/{task_id}/cancel",
    ),
    "kinovi": (
        "https://kinovi.ai",
        "POST /api/v1/jobs/createTask",
        "GET /api/v1/jobs/recordInfo?taskId={task_id}",
        None,
    ),
    "uniall": ("https://api.uniall.ai", "POST /v1/video/generations", "GET /v1/videos/{task_id}", None),
}
"""DESIGN §5: base URL, create, poll, cancel."""
BAD: list[dict[str, Any]] = [
    {"prompt": ""},
    {"prompt": "x" * 20_000},
    *({"duration": seconds} for seconds in (-1, 0, 3, 6, 16, 60, 10**9)),
    {"resolution": "8k"},
    {"aspect_ratio": "1:7"},
    *({option: True} for option in OPTIONS if option not in {"seed", "last_frame"}),
    {"seed": -2},
    {"last_frame": "https://example.com/a.png"},
    {"first_frame": "https://example.com/a.png", "reference_images": ("https://example.com/a.png",)},
    {"reference_images": ("https://example.com/a.png",) * 12},
    {"reference_videos": ("https://example.com/a.mp4",) * 12},
    {"reference_audios": ("https://example.com/a.mp3",)},
    {"operation": "edit_video"},
    {"operation": "extend_video", "reference_videos": ("https://example.com/a.mp4",)},
    {"operation": "edit_video", "reference_images": ("https://example.com/a.png",)},
    {"first_frame": "https://example.com/a.mp4"},
    {"first_frame": "https://example.com/a.png", "last_frame_has_face": True},
    {"operation": "extend_video", "reference_audios": ("https://example.com/a.mp3",) * 12},
]
ASKED = re.compile(r"(was|were) (asked|given|empty)|prompt has \d+|would take \d+")
ADVICE = re.compile(
    r"(Add|Ask|Choose|Give|Leave|Name|Say|Shorten|Use) [^.]*(\.\d[^.]*)*\.$"  # the last sentence says what to do
)


@REAL
def test_the_record_is_that_of_the_design(spec: ProviderSpec) -> None:
    """DESIGN §5: the table of base URLs, keys and paths."""
    endpoints = (spec.create, spec.fetch, spec.cancel)
    described = [f"{endpoint.method} {endpoint.path}" if endpoint else None for endpoint in endpoints]
    assert (spec.base_url, *described) == DESIGN_TABLE[spec.id]


def test_every_model_of_the_seeds_is_there_and_no_other() -> None:
    """Provider: seeds 000 to 004, `model`; of 001 the pages of the other tiers (providers.md §2.2)."""
    found = {spec.id: {model.model: model.wire_model for model in spec.models} for spec in PROVIDERS}
    assert found == SEEDS


def test_ids_and_key_variables_are_unique() -> None:
    """Ours: they name settings, folders and rows."""
    ids = [spec.id for spec in SPECS.values()]
    variables = [spec.key_variable for spec in PROVIDERS]
    assert len(set(ids)) == len(PROVIDERS) + 1
    assert len(set(variables)) == len(variables)
    assert [spec.id for spec in (*PROVIDERS, DEMO) if spec.key_variable is None] == ["demo"]
    assert all(variable == f"{spec.id.upper()}_API_KEY" for spec, variable in zip(PROVIDERS, variables, strict=True))


@EVERY
def test_models_and_their_wire_ids_are_unique(spec: ProviderSpec) -> None:
    """Ours: one canonical model is one wire model, and back."""
    assert len({model.model for model in spec.models}) == len(spec.models) > 0
    assert len({model.wire_model for model in spec.models}) == len(spec.models)
    for model in spec.models:
        assert spec.model_for(model.model) is model
    assert spec.model_for("no-such-model") is None
    assert spec.model_for(None) is None


@EVERY
def test_every_end_can_be_reached_and_no_word_is_ours_alone(spec: ProviderSpec) -> None:
    """DESIGN §2: `waiting` and `uncertain` are states of our row; a provider cannot report them."""
    reported = set(spec.statuses.values())
    assert {"queued", "running", "succeeded", "failed"} <= reported
    assert ("cancelled" in reported) == (spec.cancel is not None)
    assert reported <= set(STATUSES) - {"waiting", "uncertain"}
    assert reported >= ENDS - {"cancelled"}
    assert all(word == word.lower() for word in spec.statuses)


@REAL
def test_a_docs_page_is_named(spec: ProviderSpec) -> None:
    """DESIGN §3: the README's table links it."""
    assert spec.docs_url.startswith("https://")


@EVERY
def test_the_file_says_where_its_quirks_come_from(spec: ProviderSpec) -> None:
    """style.md §3.4: the docstring is the list of quirks, each with its page."""
    module = import_module(f"seedance_mcp.providers.{spec.id}")
    text = inspect.getdoc(module) or ""
    assert spec.id == "demo" or ("seed 00" in text and "https://" in text)
    assert module.SPEC is spec


@EVERY
def test_task_ids_have_a_place_in_every_path_that_needs_one(spec: ProviderSpec) -> None:
    """Ours: a path without it would ask about every task, or cancel none."""
    assert "{" not in spec.create.path
    asking: list[Endpoint] = [spec.fetch, *([spec.cancel] if spec.cancel else [])]
    assert all(endpoint.path.count("{task_id}") == 1 for endpoint in asking)
    assert all(endpoint.path.startswith("/") for endpoint in (spec.create, *asking))


@EVERY_MODEL
def test_a_model_accepts_something_and_says_so_in_known_words(spec: ProviderSpec, model: ModelSpec) -> None:
    """Ours: schemas, messages and prices are derived from these values."""
    assert model.model in MODELS
    assert set(model.modes) <= set(get_args(Mode))
    assert model.modes
    assert list(model.resolutions) == [one for one in RESOLUTIONS if one in model.resolutions] != []
    assert all(re.fullmatch(r"\d+:\d+|adaptive", ratio) for ratio in model.aspect_ratios)
    assert list(model.durations) == sorted(set(model.durations)) != []
    assert model.options <= set(OPTIONS)
    assert (model.seed_range is not None) == ("seed" in model.options)
    assert model.default_duration in {
        None,
        *model.durations,
        *([MODEL_DECIDES] if model.model_decides_duration else []),
    }
    assert model.default_resolution in {None, *model.resolutions}
    assert any(mode.startswith("reference") for mode in model.modes) == (model.max_images > 0)
    assert spec.problems(wish(), model) == []


@EVERY_MODEL
def test_what_is_not_asked_for_is_not_said_for_the_caller(spec: ProviderSpec, model: ModelSpec) -> None:
    """DESIGN §5: when the caller chose nothing about audio, nothing is sent. The demo needs every value."""
    body = str(spec.build_body(wish(), model, None))
    if spec.id != "demo":
        for name in ("audio", "seed'", "ratio", "watermark", "camera", "duration", "callback", "webhook"):
            assert name not in body.lower()


@REAL
def test_a_frame_that_is_an_empty_text_is_no_frame(spec: ProviderSpec) -> None:
    """Ours: the mode is worked out without it, so the body must be too; the property test found three that differed."""
    empty = wish(first_frame="", last_frame="")
    for model in spec.models:
        assert spec.problems(empty, model) == spec.problems(wish(), model)
        assert spec.build_body(empty, model, None) == spec.build_body(wish(), model, None)


@EVERY_MODEL
@pytest.mark.parametrize("facts", BAD, ids="-".join)
def test_every_problem_says_what_was_asked_what_is_true_and_what_to_do(
    spec: ProviderSpec, model: ModelSpec, facts: dict[str, Any]
) -> None:
    """DESIGN §3 Errors: the form of a message."""
    for problem in spec.problems(wish(**facts), model):
        assert ASKED.search(problem), problem
        assert ADVICE.search(problem), problem
        assert len(problem) <= 250


@REAL
def test_the_same_request_has_the_same_body(spec: ProviderSpec) -> None:
    """DESIGN §9: pure functions; a body does not depend on the time or on earlier calls."""
    build: Callable[[], object] = lambda: spec.build_body(VideoRequest(prompt="x"), spec.models[0], None)  # noqa: E731
    assert build() == build()


@pytest.mark.parametrize(
    ("base_url", "origin", "is_trusted"),
    [
        ("https://kinovi.ai", "https://kinovi.ai:443", False),
        ("https://Gate.Example.com/kinovi", "https://gate.example.com:443", True),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080", True),
        ("http://localhost", "http://localhost:80", True),
        ("http://[::1]:8080/gate", "http://[::1]:8080", True),
    ],
)
def test_results_on_an_address_the_operator_set_may_be_fetched(base_url: str, origin: str, is_trusted: bool) -> None:
    """DESIGN §7: a configured base URL may be loopback or private, and then results on the same host and port too."""
    provider = ConfiguredProvider(spec=SPECS["kinovi"], base_url=base_url)
    assert provider.origin == origin
    assert provider.trusted_origins == (frozenset({origin}) if is_trusted else frozenset())


def test_the_demos_own_links_may_be_fetched() -> None:
    """Ours: they mean something only inside this process."""
    provider = ConfiguredProvider(spec=DEMO, base_url=DEMO.base_url)
    assert provider.trusted_origins == {"http://demo.invalid:80"}
