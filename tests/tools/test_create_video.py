"""create_video through an MCP client, in both protocol eras."""

from pathlib import Path

import pytest

from rig import SMALL, Era, Heard, Rig, facts_of, links_of, text_of

ERAS: tuple[Era, ...] = ("auto", "legacy")


@pytest.mark.parametrize("era", ERAS)
async def test_a_created_video_ends_as_a_file_with_the_same_facts_in_text_and_structure(rig: Rig, era: Era) -> None:
    """Issue: URL and file are in the structured task and in the text, because hosts show only one of the two."""
    heard = Heard()
    async with rig.client(era) as client:
        result = await client.call_tool(
            "create_video", {**SMALL, "provider": "seedance2_ink", "wait_seconds": 300}, progress_callback=heard
        )
    task = facts_of(result)
    assert task["status"] == "succeeded"
    assert Path(task["video"]["file"]).read_bytes()[4:8] == b"ftyp"
    assert task["video"]["file"] in text_of(result)
    assert task["video"]["url"] in text_of(result)
    assert [str(link.uri) for link in links_of(result)] == [task["video"]["uri"], task["video"]["url"]]
    assert heard.numbers == sorted(set(heard.numbers))
    assert len(rig.creates) == 1
