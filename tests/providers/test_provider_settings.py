"""The choices that only one provider has: what each makes of its record, and that nothing else changes."""

import json
from dataclasses import fields
from typing import Any

import httpx
import pytest

from providers.recorded import SPECS, chosen
from providers.scripted import create, talking_to
from seedance_mcp.providers.spec import Endpoint, ProviderSetting, ProviderSpec

OXEN, UNIALL = SPECS["oxen"], SPECS["uniall"]
SINGULAR, PLURAL = "/v1/video/generations", "/v1/videos/generations"


def setting(spec: ProviderSpec) -> ProviderSetting:
    (only,) = spec.settings
    return only


def changed(before: ProviderSpec, after: ProviderSpec) -> set[str]:
    """The names of the fields that differ."""
    return {field.name for field in fields(before) if getattr(before, field.name) != getattr(after, field.name)}


async def path_of_a_create(spec: ProviderSpec, answer: dict[str, Any]) -> str:
    seen: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=answer)

    async with talking_to(spec, httpx.MockTransport(handle)) as client:
        await create(client)
    assert json.loads(seen[0].content)["prompt"]
    return f"{seen[0].method} {seen[0].url.path}"


def test_two_providers_have_a_setting_of_their_own() -> None:
    """DESIGN §8: OXEN_REQUEST_MODE, UNIALL_CREATE_PATH."""
    variables = {one.variable: spec.id for spec in SPECS.values() for one in spec.settings}
    assert variables == {"OXEN_REQUEST_MODE": "oxen", "UNIALL_CREATE_PATH": "uniall"}


@pytest.mark.parametrize("spec", [OXEN, UNIALL], ids=lambda spec: spec.id)
def test_the_default_changes_nothing(spec: ProviderSpec) -> None:
    """Ours: an unset variable and its default are the same."""
    one = setting(spec)
    assert changed(spec, one.apply(spec, one.default)) == set()
    assert one.choices == () or one.default in one.choices
    assert one.meaning


def test_oxen_has_three_request_modes() -> None:
    """Provider: seed 001, "Sync", "Async", "Async with SSE"; the last is our default (issue 3)."""
    assert setting(OXEN).choices == ("async", "poll", "sync")
    assert OXEN.create == Endpoint(method="POST", path="/api/ai/queue")
    assert OXEN.events is not None
    assert (OXEN.events.path, OXEN.events.name) == ("/api/events", "media_generation_completed")
    assert not OXEN.answers_at_the_end


def test_polling_alone_is_the_queue_without_the_stream() -> None:
    """Provider: seed 001, "Async"."""
    polling = chosen(OXEN, {"OXEN_REQUEST_MODE": "poll"})
    assert changed(OXEN, polling) == {"events"}
    assert polling.events is None


def test_the_blocking_call_has_no_id_so_nothing_can_be_cancelled_or_heard() -> None:
    """Provider: seed 001, "This blocks until the video is ready"; providers.md §2.3."""
    blocking = chosen(OXEN, {"OXEN_REQUEST_MODE": "sync"})
    assert changed(OXEN, blocking) == {"create", "answers_at_the_end", "cancel", "events", "task_list"}
    assert blocking.create == Endpoint(method="POST", path="/api/ai/videos/generate")
    assert (blocking.answers_at_the_end, blocking.cancel, blocking.events) == (True, None, None)
    assert blocking.task_list is None


@pytest.mark.parametrize(
    ("mode", "answer", "path"),
    [
        ("async", {"generations": [{"generation_id": "1"}]}, "/api/ai/queue"),
        ("poll", {"generations": [{"generation_id": "1"}]}, "/api/ai/queue"),
        ("sync", {"videos": [{"url": "https://example.com/a.mp4"}]}, "/api/ai/videos/generate"),
    ],
)
async def test_oxen_is_sent_the_same_body_on_the_path_of_its_mode(mode: str, answer: dict[str, Any], path: str) -> None:
    """Provider: providers.md §2.3 and §2.4: the same model parameters in all of them."""
    assert await path_of_a_create(chosen(OXEN, {"OXEN_REQUEST_MODE": mode}), answer) == f"POST /gate{path}"


@pytest.mark.parametrize("path", [SINGULAR, PLURAL, "/v2/x"])
async def test_unialls_create_goes_where_it_is_told_and_its_polls_do_not_move(path: str) -> None:
    """Provider: seed 004 has the singular path; https://docs.uniall.ai's newer page the plural (providers.md §5)."""
    spec = chosen(UNIALL, {"UNIALL_CREATE_PATH": path})
    assert changed(UNIALL, spec) == (set() if path == SINGULAR else {"create"})
    assert spec.fetch == Endpoint(method="GET", path="/v1/videos/{task_id}")
    assert await path_of_a_create(spec, {"task_id": "t_1", "status": "queued"}) == f"POST /gate{path}"


def test_unialls_path_is_any_path_and_is_checked_as_one() -> None:
    """Ours: no list of choices, so the settings check that it begins with a slash."""
    assert (setting(UNIALL).choices, setting(UNIALL).is_path, setting(UNIALL).default) == ((), True, SINGULAR)
    assert not setting(OXEN).is_path
