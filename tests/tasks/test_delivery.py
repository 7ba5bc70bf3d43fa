"""The finished video on disk; a link is never given up because one download failed."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from calls import A_WHILE, LONG, create, get, hold, is_download, network, saved
from stored import left_over, run_sql, store

from rig import ADDRESS, Rig, facts_of, text_of
from seedance_mcp.domain.task import Video

BAD_DOWNLOADS: dict[str, dict[str, Any]] = {
    **{str(status): {"kind": "status", "status": status} for status in (403, 404, 410, 429, 500)},
    "dropped": {"kind": "drop_before"},
    "truncated": {"kind": "truncated"},
    "page": {"kind": "html"},
    "empty": {"kind": "empty"},
    "garbage": {"kind": "garbage"},
}
NOT_SAVED = "The video is made, but could not be saved here yet"


@pytest.mark.parametrize("fault", BAD_DOWNLOADS.values(), ids=BAD_DOWNLOADS)
async def test_a_broken_download_keeps_the_link_and_is_tried_again(rig: Rig, fault: dict[str, Any]) -> None:
    """DESIGN §2: `succeeded` once a first download failed: a note says so, the URL is given, and it is tried again."""
    rig.break_next(on="download", **fault)
    async with rig.client() as client:
        result = await create(client, provider="kinovi", wait_seconds=LONG)
        task = facts_of(result)
        after = await saved(rig, client, task["task_id"])
    assert task["status"] == facts_of(after)["status"] == "succeeded"
    assert "file" not in task["video"]
    assert task["video"]["url"] in text_of(result)
    assert NOT_SAVED in text_of(result)
    assert "tried again by itself" in text_of(result)
    assert Path(facts_of(after)["video"]["file"]).read_bytes()[4:8] == b"ftyp"
    assert NOT_SAVED not in text_of(after)
    assert [path.suffix for path in Path(rig.environment["SEEDANCE_OUTPUT_DIR"]).iterdir()] == [".mp4"]


@pytest.mark.parametrize("fault", [{"kind": "wrong_content_type"}, {"kind": "redirect"}], ids=str)
async def test_a_download_that_only_looks_odd_is_saved(rig: Rig, fault: dict[str, Any]) -> None:
    """Ours: bytes decide, and a redirect to the provider's own host is followed."""
    rig.break_next(on="download", **fault)
    async with rig.client() as client:
        task = facts_of(await create(client, provider="kinovi", wait_seconds=LONG))
    assert Path(task["video"]["file"]).exists()


async def test_a_disk_error_keeps_the_link_and_is_tried_again(rig: Rig) -> None:
    """DESIGN §6: disk-full or a broken download never loses the link."""
    in_the_way = Path(rig.environment["SEEDANCE_OUTPUT_DIR"])
    in_the_way.write_text("a file where the folder should be")
    async with rig.client() as client:
        result = await create(client, provider="kinovi", wait_seconds=LONG)
        in_the_way.unlink()
        after = facts_of(await saved(rig, client, facts_of(result)["task_id"]))
    assert facts_of(result)["status"] == "succeeded"
    assert str(in_the_way) in text_of(result)
    assert Path(after["video"]["file"]).exists()


async def test_until_it_is_saved_a_finished_video_is_running_at_99_with_its_link(rig: Rig) -> None:
    """DESIGN §2: until then `running`, 99 %, with `video.url`."""
    held = hold(rig, "kinovi", is_download)
    async with rig.client() as client:
        task = facts_of(await create(client, provider="kinovi"))
        await held.arrived.wait()
        saving = facts_of(await get(client, task["task_id"]))
        held.go.set()
        done = facts_of(await get(client, task["task_id"], wait_seconds=LONG))
    assert (saving["status"], saving["progress"]) == ("running", 99)
    assert saving["video"]["url"] == done["video"]["url"]
    assert (done["status"], done["progress"]) == ("succeeded", 100)


async def test_an_expired_link_is_asked_for_again(rig: Rig) -> None:
    """DESIGN §6: a broken download never loses the video while its provider gives a new link."""

    async def expire(request: httpx.Request) -> None:
        if is_download(request) and not rig.requests("download"):
            rig.break_next(on="download", kind="status", status=403)
            fresh = {"success": True, "status": "succeeded", "output": {"url": f"{request.url}?signed=again"}}
            rig.break_next(on="fetch", kind="status", status=200, body=fresh)

    rig.transports["seedance2_ink"] = network(rig, expire)
    async with rig.client() as client:
        task = facts_of(await create(client, provider="seedance2_ink", wait_seconds=LONG))
        after = facts_of(await saved(rig, client, task["task_id"]))
    assert task["video"]["url"].endswith("?signed=again")
    assert Path(after["video"]["file"]).exists()


@pytest.mark.parametrize("status", [404, 503])
async def test_without_a_new_link_the_old_one_is_tried_again(rig: Rig, status: int) -> None:
    """DESIGN §6: the link is never lost."""

    async def expire(request: httpx.Request) -> None:
        if is_download(request) and not rig.requests("download"):
            rig.break_next(on="download", kind="status", status=404)
            rig.break_next(on="fetch", kind="status", status=status)

    rig.transports["kinovi"] = network(rig, expire)
    async with rig.client() as client:
        task = facts_of(await create(client, provider="kinovi", wait_seconds=LONG))
        after = facts_of(await saved(rig, client, task["task_id"]))
    assert "file" not in task["video"]
    assert after["video"]["url"] == task["video"]["url"]
    assert Path(after["video"]["file"]).exists()


async def test_a_link_that_has_run_out_is_given_up_with_a_word(rig: Rig) -> None:
    """Ours: once the provider's documented life of a link is over, trying goes on only with a new link."""
    now = rig.clock.now()
    video = Video(url=f"{ADDRESS}/files/kinovi-gone.mp4", url_expires_at=now + 5)
    facts = {"status": "running", "send_state": "sent", "provider_task_id": "task_gone", "video": video}
    await store(rig, left_over(rig, **facts))
    async with rig.client() as client:
        result = await get(client, "vt_leftover", wait_seconds=60)
        await rig.clock.sleep(A_WHILE)
    assert facts_of(result)["status"] == "succeeded"
    assert "It is not tried again." in text_of(result)
    assert len(rig.requests("download")) == 1


async def test_a_new_link_begins_a_new_life(rig: Rig) -> None:
    """DESIGN §1: never lose a paid video: a server that was off for weeks still saves it."""
    async with rig.client() as client:
        made = facts_of(await create(client, provider="kinovi", wait_seconds=LONG))
        now = rig.clock.now()
        video = Video(url=f"{ADDRESS}/files/kinovi-gone.mp4", url_expires_at=now - 14 * 24 * 3600)
        run_sql(rig, "UPDATE tasks SET provider_task_id = NULL")
        facts = {"status": "succeeded", "send_state": "sent", "ended_at": now - 28 * 24 * 3600, "video": video}
        await store(rig, left_over(rig, **facts, provider_task_id=made["provider_task_id"]))
        await rig.clock.sleep(15)
        after = facts_of(await saved(rig, client, "vt_leftover"))
    assert Path(after["video"]["file"]).exists()
    assert "notes" not in after
