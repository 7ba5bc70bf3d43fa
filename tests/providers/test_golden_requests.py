"""The bodies we send, word for word: the documents' own examples, and others built from their field tables."""

import json
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.recorded import SPECS, Recorded, model_of, recorded, request_of
from providers.scripted import talking_to
from seedance_mcp.domain.video import VideoRequest
from seedance_mcp.providers.spec import ProviderSpec

REQUESTS = recorded("requests")
ACCEPTED = {"success": True, "requestId": "1", "taskId": "1", "id": "1", "generations": [{"generation_id": "1"}]}
"""An answer that every provider's parser takes for a task."""
KINOVI = SPECS["kinovi"]
INK = SPECS["seedance2_ink"]


@pytest.mark.parametrize("case", REQUESTS, ids=str)
def test_a_request_becomes_exactly_the_documented_body(case: Recorded) -> None:
    """Provider: the page named in each file's `source`."""
    request = request_of(case.data["request"])
    model = model_of(case.spec, request.model)

    assert case.spec.problems(request, model) == []
    assert case.spec.build_body(request, model, case.data["callback_url"]) == case.data["body"]


@pytest.mark.parametrize("case", REQUESTS, ids=str)
async def test_a_create_sends_that_body_to_the_documented_path(case: Recorded) -> None:
    """DESIGN §5: `<ID>_BASE_URL` may have a prefix, the path is appended to it."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=ACCEPTED)

    request = request_of(case.data["request"])
    model = model_of(case.spec, request.model)
    async with talking_to(case.spec, httpx.MockTransport(answer)) as client:
        await client.create(request, model, case.data["callback_url"])

    (sent,) = seen
    assert (sent.method, sent.url.path) == ("POST", f"/gate{case.spec.create.path}")
    assert sent.headers["content-type"] == "application/json"
    assert json.loads(sent.content) == case.data["body"]


@pytest.mark.parametrize("spec", SPECS.values(), ids=lambda spec: spec.id)
def test_every_provider_has_golden_requests_and_every_one_names_its_source(spec: ProviderSpec) -> None:
    """Ours: a body without a page behind it proves nothing."""
    sources = [case.data["source"] for case in REQUESTS if case.spec.id == spec.id]
    assert sources
    assert all(source.startswith(("Seed 00", "https://", "providers.md", "Ours:")) for source in sources)


@pytest.mark.parametrize(
    ("provider", "names"),
    [
        ("seedance2_ink", ["first_and_last_frame", "first_frame", "multimodal_reference"]),
        ("uniall", ["multi_reference", "text_to_video"]),
    ],
)
def test_the_examples_of_seeds_002_and_004_are_all_there(provider: str, names: list[str]) -> None:
    """Provider: seed 002 prints three requests and seed 004 two; DESIGN §5: exactly those."""
    mine = [(case.name, case.data["source"]) for case in REQUESTS if case.spec.id == provider]
    verbatim = [name for name, source in mine if source.startswith("Seed 00") and source.endswith("word for word")]
    assert verbatim == names


FIELDS = {
    "aihubmax": {
        *("model", "prompt", "image_url", "end_image_url", "image_urls", "video_urls", "audio_urls"),
        *("resolution", "aspect_ratio", "duration", "generate_audio", "seed"),
    },
    "oxen": {
        *("model", "prompt", "input_image", "input_image_has_face", "tail_image_url", "tail_image_url_has_face"),
        *("input_images", "input_videos", "input_audios"),
        *("resolution", "duration", "aspect_ratio", "generate_audio", "watermark"),
    },
    "uniall": {
        *("model", "prompt", "duration", "aspect_ratio", "image", "last_image", "images", "videos", "audios"),
        *("extra_body", "generate_audio", "seed", "watermark", "camera_fixed", "return_last_frame", "operation"),
    },
}
"""Seeds 000, 001 and 004; of the reference modes providers.md §1.3 and §2.2 (001: without the fields for faces)."""


@pytest.mark.parametrize("provider", FIELDS)
def test_every_field_of_seeds_000_001_and_004_is_sent_by_some_golden_request(provider: str) -> None:
    """Provider: "Body" of seed 000, "Request parameters" of seed 001, "Request Parameters" of seed 004."""
    bodies = [case.data["body"] for case in REQUESTS if case.spec.id == provider]
    assert {name for body in bodies for name in (*body, *body.get("extra_body", ()))} == FIELDS[provider]


def test_every_field_of_seeds_002_and_003_is_sent_by_some_golden_request() -> None:
    """Provider: "Request Body" of seed 002, both parameter tables of seed 003."""
    ink = {name for case in REQUESTS if case.spec.id == "seedance2_ink" for name in case.data["body"]}
    assert ink == {
        *("model", "prompt", "mediaUrls", "aspectRatio", "duration", "resolution", "webhookUrl", "metadata"),
    }
    kinovi = [case.data["body"] for case in REQUESTS if case.spec.id == "kinovi"]
    assert {name for body in kinovi for name in body} == {"model", "callBackUrl", "inputs"}
    of_the_seed = {"urls", "prompt", "duration", "aspectRatio", "mode", "upscaleResolution"}
    later = {"outputResolution", "videoUrls", "audioUrls", "generate_audio", "seed"}
    assert {name for body in kinovi for name in body["inputs"]} == of_the_seed | later


@pytest.mark.parametrize("resolution", [None, "480p", "720p", "1080p", "4k"])
def test_kinovi_is_always_told_a_resolution(resolution: Any) -> None:
    """DESIGN §5: later pages default to 1080p at more than twice the price, so silence would be dear."""
    model = model_of(KINOVI, "seedance-2.0")
    inputs = _inputs(KINOVI.build_body(VideoRequest(prompt="x", resolution=resolution), model, None))

    assert inputs["outputResolution"] == ("720p" if resolution in {None, "4k"} else resolution)
    assert inputs.get("upscaleResolution") == ("4k" if resolution == "4k" else None)


@given(st.integers(4, 15))
def test_kinovi_is_told_the_length_as_text(seconds: int) -> None:
    """Provider: seed 003, `duration | string`."""
    body = KINOVI.build_body(VideoRequest(prompt="x", duration=seconds), KINOVI.models[0], None)
    assert _inputs(body)["duration"] == str(seconds)


@given(st.text())
def test_a_prompt_reaches_seedance2_ink_unchanged(prompt: str) -> None:
    """Provider: seed 002 documents no way to write references, so none is translated."""
    body = INK.build_body(VideoRequest(prompt=prompt), INK.models[0], None)
    assert body["prompt"] == prompt


def _inputs(body: Mapping[str, Any]) -> Mapping[str, Any]:
    return body["inputs"]
