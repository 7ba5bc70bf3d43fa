"""How a finished, a running and a failed task read, and that they read short."""

import json
from pathlib import Path

from rig import SMALL, Rig, error_of, facts_of, links_of, text_of

TEXT_TOKENS, STRUCTURED_TOKENS = 120, 300
"""DESIGN §10, URLs and paths not counted."""


async def test_a_finished_task_is_short_in_both_channels(rig: Rig) -> None:
    """DESIGN §10: a finished get_task result costs at most 120 and 300 tokens."""
    async with rig.client() as client:
        wish = {**SMALL, "provider": "kinovi", "label": "opening shot", "wait_seconds": 300}
        created = facts_of(await client.call_tool("create_video", wish))
        result = await client.call_tool("get_task", {"task_id": created["task_id"]})
    facts = facts_of(result)
    video = facts["video"]
    text, structured = text_of(result), json.dumps(facts, separators=(",", ":"))
    for long in (video["file"], video["url"], video["uri"], facts["last_frame"]["url"]):
        text, structured = text.replace(long, ""), structured.replace(long, "")
    assert len(text.encode()) / 4 <= TEXT_TOKENS
    assert len(structured.encode()) / 4 <= STRUCTURED_TOKENS


async def test_text_alone_tells_what_the_structure_tells(rig: Rig) -> None:
    """mcp.md §0: some hosts show the model only one of the two."""
    async with rig.client() as client:
        wish = {**SMALL, "provider": "kinovi", "label": "opening shot", "wait_seconds": 300}
        result = await client.call_tool("create_video", wish)
    facts, text = facts_of(result), text_of(result)
    assert facts["task_id"] in text
    assert "is ready" in text
    assert facts["video"]["file"] in text
    assert facts["video"]["url"] in text
    assert facts["video"]["url_expires_at"] in text
    assert "4 s, 864x496, with sound" in text
    assert facts["cost"] == {"usd": 0.3, "credits": 60, "basis": "charged"}
    assert "Charged: $0.30, 60 credits." in text
    assert "opening shot" in text
    assert facts["label"] == "opening shot"
    assert "opening shot" in Path(facts["video"]["file"]).name
    assert (facts["status"], facts["progress"]) == ("succeeded", 100)
    assert all(note in text for note in facts["notes"])
    assert "next_step" not in facts


async def test_an_unfinished_task_says_what_to_call_next(rig: Rig) -> None:
    """DESIGN §3: `next_step`, and a progress that is marked as estimated."""
    async with rig.client() as client:
        result = await client.call_tool("create_video", {**SMALL, "provider": "kinovi", "wait_seconds": 20})
    facts = facts_of(result)
    assert facts["status"] in {"queued", "running"}
    assert 0 < facts["progress"] < 100
    assert facts["progress_basis"] == "estimated"
    assert facts["next_step"] == f'Call get_task(task_id="{facts["task_id"]}") to wait for it; asking is free.'
    assert facts["next_step"] in text_of(result)
    assert "video" not in facts
    assert facts["cost"]["basis"] == "charged"


async def test_a_failed_task_is_a_result_and_not_an_error(rig: Rig) -> None:
    """DESIGN §3: accepted and failed later = a task with status failed, for create_video too."""
    rig.break_next(on="create", kind="task_fails", message="the picture was refused")
    async with rig.client() as client:
        result = await client.call_tool("create_video", {**SMALL, "provider": "seedance2_ink", "wait_seconds": 300})
    facts = facts_of(result)
    assert facts["status"] == "failed"
    assert facts["error"]["kind"] == "generation_failed"
    assert "the picture was refused" in text_of(result)
    assert facts["provider_task_id"] in facts["error"]["message"]


async def test_resource_links_can_be_switched_off(rig: Rig) -> None:
    """peers.md 21-22: some hosts drop a whole result that holds a link."""
    async with rig.client(SEEDANCE_RESOURCE_LINKS="off") as client:
        result = await client.call_tool("create_video", {**SMALL, "provider": "kinovi", "wait_seconds": 300})
    assert links_of(result) == []
    assert facts_of(result)["video"]["url"] in text_of(result)


async def test_a_link_that_no_longer_works_is_not_handed_out(rig: Rig) -> None:
    """DESIGN §3: a resource link to the provider's URL while it is valid (003: 14 days)."""
    async with rig.client() as client:
        wish = {**SMALL, "provider": "kinovi", "wait_seconds": 300}
        task_id = facts_of(await client.call_tool("create_video", wish))["task_id"]
        rig.clock.time += 15 * 24 * 3600
        result = await client.call_tool("get_task", {"task_id": task_id})
    assert [str(link.uri) for link in links_of(result)] == [f"seedance://tasks/{task_id}/video"]


async def test_the_demo_shows_no_link_that_leads_nowhere(rig: Rig) -> None:
    """Ours: the demo's addresses mean nothing outside the process."""
    async with rig.client(KINOVI_API_KEY="", SEEDANCE2_INK_API_KEY="") as client:
        result = await client.call_tool("create_video", {**SMALL, "wait_seconds": 300})
    facts = facts_of(result)
    assert "url" not in facts["video"]
    assert "demo.invalid" not in text_of(result) + json.dumps(facts)
    assert "no AI model was asked" in text_of(result)
    assert len(links_of(result)) == 1


async def test_an_error_carries_its_facts_for_programs(rig: Rig) -> None:
    """DESIGN §3: isError is text only, and the same facts are in _meta."""
    async with rig.client() as client:
        result = await client.call_tool("get_task", {"task_id": "vt_nowhere"})
    assert error_of(result) == {
        "kind": "not_found",
        "message": "There is no task 'vt_nowhere' here. list_tasks shows the recent ones.",
        "retryable": False,
        "task_id": "vt_nowhere",
    }
    assert text_of(result) == error_of(result)["message"]
