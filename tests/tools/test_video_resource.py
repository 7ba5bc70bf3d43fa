"""The resource seedance://tasks/{id}/video."""

import base64
import os
from pathlib import Path

import pytest
from mcp import Client, MCPError
from mcp_types import BlobResourceContents

from rig import SMALL, Era, Rig, facts_of

ERAS: tuple[Era, ...] = ("auto", "legacy")


async def finished(client: Client) -> str:
    wish = {**SMALL, "provider": "kinovi", "wait_seconds": 300}
    return facts_of(await client.call_tool("create_video", wish))["task_id"]


@pytest.mark.parametrize("era", ERAS)
async def test_the_link_of_a_finished_video_can_be_read(rig: Rig, era: Era) -> None:
    """Issue: resources/read of the link returns the video."""
    async with rig.client(era) as client:
        task_id = await finished(client)
        (content,) = (await client.read_resource(f"seedance://tasks/{task_id}/video")).contents
        (template,) = (await client.list_resource_templates()).resource_templates
    assert isinstance(content, BlobResourceContents)
    assert content.mime_type == "video/mp4"
    assert base64.b64decode(content.blob)[4:8] == b"ftyp"
    assert template.uri_template == "seedance://tasks/{task_id}/video"


async def test_a_large_video_is_named_by_file_and_link_instead(rig: Rig) -> None:
    """DESIGN §4: blob up to 10 MB, else an error naming file and URL."""
    async with rig.client() as client:
        task_id = await finished(client)
        video = facts_of(await client.call_tool("get_task", {"task_id": task_id}))["video"]
        os.truncate(video["file"], 11 * 1024 * 1024)
        with pytest.raises(MCPError) as caught:
            await client.read_resource(f"seedance://tasks/{task_id}/video")
    assert video["file"] in str(caught.value)
    assert video["url"] in str(caught.value)


async def test_a_video_whose_file_was_moved_is_an_error_that_says_so(rig: Rig) -> None:
    """Ours: people tidy up their folders."""
    async with rig.client() as client:
        task_id = await finished(client)
        Path(facts_of(await client.call_tool("get_task", {"task_id": task_id}))["video"]["file"]).unlink()
        with pytest.raises(MCPError, match="cannot be read any more"):
            await client.read_resource(f"seedance://tasks/{task_id}/video")


async def test_a_task_without_a_video_and_an_unknown_task_are_not_found(rig: Rig) -> None:
    """mcp.md §6: a missing resource is -32602."""
    async with rig.client() as client:
        task_id = facts_of(await client.call_tool("create_video", {**SMALL, "wait_seconds": 0}))["task_id"]
        for unknown in (task_id, "vt_nowhere"):
            with pytest.raises(MCPError) as caught:
                await client.read_resource(f"seedance://tasks/{unknown}/video")
            assert caught.value.error.code == -32602
