"""Whatever our check accepts, the strict simulator accepts: it is written from the documents, not from our files."""

import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from providers.recorded import SPECS, Recorded, recorded
from providers.scripted import KEY
from providers.wishes import wish
from seedance_mcp.domain.model import OPTIONS, ModelSpec
from seedance_mcp.domain.video import MODEL_DECIDES, OPERATIONS, RESOLUTIONS, VideoRequest
from seedance_mcp.providers.json_view import JsonView
from seedance_mcp.providers.spec import ProviderSpec
from seedance_mcp.simulator.app import Simulator

T = TypeVar("T")
Case = tuple[ProviderSpec, ModelSpec, VideoRequest]
MODEL_OF = st.sampled_from([(spec, model) for spec in SPECS.values() for model in spec.models])
ENDINGS = {
    "image": (".jpg", ".jpeg", ".PNG", ".webp", ".gif", ".bmp", ""),
    "video": (".mp4", ".mov", ".M4V", ""),
    "audio": (".mp3", ".wav", ""),
}
FOLDERS = ("https://example.com/", "https://cdn.example.org:8443/a/b/", "http://127.0.0.1:9/frames/")
RATIOS = ("16:9", "9:16", "1:1", "3:4", "4:3", "21:9", "2:1", "adaptive", "")
CALLBACKS = (None, "https://example.com/hooks/1?token=a%2Fb")
PROMPTS = st.text(max_size=40) | st.sampled_from(["@Image1 looks at @VIDEO2", "é" * 4000, "x" * 4001, " ", ""])
SWITCHES = {option: st.booleans() for option in OPTIONS if option not in {"last_frame", "seed"}}
RUN_S = 60
MANY = 12
"""References of a kind that has no limit."""
VALIDATES_LATE = {"oxen"}
"""Accepts every body, and looks at the parameters when the task runs."""


@dataclass
class Bench:
    """All wire formats in this process, by a clock that moves only when it is moved."""

    client: httpx.AsyncClient
    now: float = 1.8e9

    async def post(self, spec: ProviderSpec, body: object) -> httpx.Response:
        return await self.client.post(f"/{spec.id}{spec.create.path}", json=body)

    async def refusal(self, spec: ProviderSpec, body: object) -> str | None:
        """Why the simulator does not make a video of this body, at once or later; None when it makes one."""
        answer = await self.post(spec, body)
        if answer.status_code != 200:
            return answer.text
        reply = spec.parse_reply(JsonView(answer.json()))
        assert reply.provider_task_id
        assert reply.refused is None
        return await self._later_failure(spec, reply.provider_task_id) if spec.id in VALIDATES_LATE else None

    async def _later_failure(self, spec: ProviderSpec, task_id: str) -> str | None:
        self.now += RUN_S
        answer = await self.client.get(f"/{spec.id}{spec.fetch.path.format(task_id=task_id)}")
        reply = spec.parse_reply(JsonView(answer.json()))
        assert (reply.status == "failed") == (reply.error is not None)
        assert reply.status in {"succeeded", "failed"}
        return reply.error


@pytest.fixture(scope="module")
async def bench() -> AsyncGenerator[Bench]:
    simulator = Simulator(tuple(SPECS), run_s=RUN_S, clock=lambda: bench.now)
    transport = httpx.ASGITransport(app=simulator.asgi)
    authorization = {"authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://simulator", headers=authorization) as client:
        bench = Bench(client)
        yield bench
    simulator.close()


def urls(kind: str) -> SearchStrategy[str]:
    return st.builds(
        "{}{}{}{}".format,
        st.sampled_from(FOLDERS),
        st.from_regex(r"[a-z0-9._~-]{1,8}", fullmatch=True, alphabet=st.characters(codec="ascii")),
        st.sampled_from(ENDINGS[kind]),
        st.sampled_from(("", "?sig=a%2Fb&t=1", "#t=1")),
    )


def maybe(strategy: SearchStrategy[T]) -> SearchStrategy[T | None]:
    return st.none() | strategy


@st.composite
def fitting(draw: DrawFn, model: ModelSpec) -> VideoRequest:
    """A request made of what this model lists."""
    facts: dict[str, Any] = {
        "prompt": draw(PROMPTS),
        "resolution": draw(maybe(st.sampled_from(model.resolutions))),
        "aspect_ratio": draw(maybe(st.sampled_from(model.aspect_ratios))),
        "duration": draw(maybe(st.sampled_from(model.durations + (MODEL_DECIDES,) * model.model_decides_duration))),
        "label": draw(maybe(st.text(max_size=10))),
    }
    given_media = draw(st.sampled_from(model.modes).flatmap(lambda mode: media(mode, model)))
    switches = [name for name in SWITCHES if name in model.options]
    facts |= {
        name: draw(maybe(SWITCHES[name]))
        for name in switches
        if not name.endswith("_has_face") or given_media.get(name.removesuffix("_has_face"))
    }
    if model.seed_range is not None:
        facts["seed"] = draw(maybe(st.integers(*model.seed_range)))
    return wish(**facts, **given_media)


def media(mode: str, model: ModelSpec) -> SearchStrategy[dict[str, Any]]:
    if mode == "text_to_video":
        return st.just({})
    if mode == "image_to_video":
        return st.fixed_dictionaries({"first_frame": urls("image"), "last_frame": maybe(urls("image"))})
    asked = [mode] if mode != "reference_to_video" else [None, mode]
    most = {"image": model.max_images, "video": model.max_videos, "audio": model.max_audios}
    lists = {
        f"reference_{kind}s": st.just(()) | st.lists(urls(kind), min_size=1, max_size=min(count, MANY)).map(tuple)
        for kind, count in most.items()
    }
    return st.fixed_dictionaries(lists | {"operation": st.sampled_from(asked)})


@st.composite
def any_wish(draw: DrawFn) -> VideoRequest:
    """A request by somebody who has read nothing."""
    kinds = st.sampled_from(["image", "video", "audio"])
    pieces = urls(draw(kinds)) | st.text(max_size=12)
    lists = st.lists(pieces, max_size=6).map(tuple)
    facts: dict[str, SearchStrategy[Any]] = {
        "prompt": PROMPTS,
        "first_frame": maybe(pieces),
        "last_frame": maybe(pieces),
        "reference_images": lists,
        "reference_videos": lists,
        "reference_audios": lists,
        "resolution": st.sampled_from((*RESOLUTIONS, "8k")),
        "aspect_ratio": st.sampled_from(RATIOS),
        "duration": st.integers(-3, 20) | st.integers(),
        "seed": st.integers(),
        "operation": st.sampled_from(OPERATIONS),
        **SWITCHES,
    }
    return wish(**draw(st.fixed_dictionaries({}, optional=facts)))


def begins_to_draw(spec: ProviderSpec, request: VideoRequest) -> bool:
    """Without a frame to fetch, the demo's simulator draws the video at once."""
    return spec.id == "demo" and not request.first_frame


def accepted(spec_and_model: tuple[ProviderSpec, ModelSpec]) -> SearchStrategy[Case]:
    """Fitting requests that pass the check."""
    spec, model = spec_and_model
    fine = fitting(model).filter(
        lambda request: not spec.problems(request, model) and not begins_to_draw(spec, request)
    )
    return fine.map(lambda request: (spec, model, request))


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(MODEL_OF.flatmap(accepted), st.sampled_from(CALLBACKS))
async def test_an_accepted_request_is_accepted_by_the_strict_simulator(
    bench: Bench, case: Case, callback: str | None
) -> None:
    """Ours: two readings of the same documents, neither of which knows the other."""
    spec, model, request = case

    assert await bench.refusal(spec, spec.build_body(request, model, callback)) is None


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(MODEL_OF, any_wish())
@example((SPECS["aihubmax"], SPECS["aihubmax"].models[0]), wish(first_frame=""))
async def test_any_request_has_problems_in_words_or_a_body_that_the_simulator_accepts(
    bench: Bench, spec_and_model: tuple[ProviderSpec, ModelSpec], request_: VideoRequest
) -> None:
    """Ours: the check never raises; what it lets through with proper URLs is a valid create."""
    spec, model = spec_and_model

    problems = spec.problems(request_, model)

    assert all(re.search(r"\w.*[.]$", problem, re.DOTALL) for problem in problems)
    is_proper = all(url.startswith(FOLDERS) for url in request_.media_urls)
    if not problems and is_proper and not begins_to_draw(spec, request_):
        assert await bench.refusal(spec, spec.build_body(request_, model, None)) is None


@pytest.mark.parametrize("case", [case for case in recorded("requests") if case.spec.id != "demo"], ids=str)
async def test_the_simulator_takes_every_golden_request(bench: Bench, case: Recorded) -> None:
    """Provider: the page named in each file's `source`; the demo draws at once, so it is left out."""
    assert await bench.refusal(case.spec, case.data["body"]) is None


@pytest.mark.parametrize("spec", SPECS.values(), ids=lambda spec: spec.id)
async def test_the_simulator_is_strict(bench: Bench, spec: ProviderSpec) -> None:
    """Ours: the property above would prove nothing with a simulator that accepts everything."""
    good = dict(spec.build_body(wish(first_frame="https://example.com/a.png"), spec.models[0], None))
    assert await bench.refusal(spec, good) is None
    assert await bench.refusal(spec, good | {"surprise": 1})
    assert (await bench.post(spec, {})).status_code == 400


@pytest.mark.parametrize(
    ("provider", "wrong"),
    [
        ("aihubmax", {"duration": 3}),
        ("aihubmax", {"resolution": "1080p"}),
        ("aihubmax", {"aspect_ratio": "auto"}),
        ("aihubmax", {"image_urls": ["https://example.com/a.png"]}),
        ("aihubmax", {"seed": -2}),
        ("oxen", {"duration": "auto"}),
        ("oxen", {"duration": 16}),
        ("oxen", {"resolution": "4k"}),
        ("oxen", {"seed": 1}),
        ("oxen", {"input_images": ["https://example.com/a.png"]}),
        ("uniall", {"duration": 4}),
        ("uniall", {"duration": -1}),
        ("uniall", {"aspect_ratio": "21:9"}),
        ("uniall", {"model": "seedance2.0-fast-1080p"}),
        ("uniall", {"images": ["https://example.com/a.png"] * 10}),
        ("uniall", {"videos": ["https://example.com/a.mp4"] * 4}),
        ("uniall", {"generate_audio": True}),
        ("uniall", {"extra_body": {"operation": "edit_video"}}),
    ],
    ids=str,
)
async def test_the_simulator_refuses_what_the_documents_do(bench: Bench, provider: str, wrong: dict[str, Any]) -> None:
    """Provider: seeds 000, 001 and 004: what our own checks must never let through."""
    spec = SPECS[provider]
    good = dict(spec.build_body(wish(first_frame="https://example.com/a.png"), spec.models[0], None))
    assert await bench.refusal(spec, good | wrong)
