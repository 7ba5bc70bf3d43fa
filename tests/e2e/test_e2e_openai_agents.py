"""The OpenAI Agents SDK as it comes: its client gives every call up after five seconds, and its model tries again."""

import sys
from collections.abc import Mapping
from pathlib import Path

import anyio
import pytest
from agents import Agent, RunConfig, Runner
from agents.mcp import MCPServerStdio
from raw_host import process_environment
from real_provider import SMALL, Provider
from scripted_model import Asked, ObedientModel
from store_rows import rows

pytestmark = pytest.mark.e2e

PATIENCE_S = 5
LONG_WAIT_S = 20
"""What a model may ask for that does not know how long its client waits."""


async def run_agent(environment: Mapping[str, str], **arguments: object) -> tuple[str, list[Asked]]:
    """What an agent says in the end that was told to make a video, and what it asked for on the way."""
    env = process_environment(environment)
    server = MCPServerStdio(params={"command": sys.executable, "args": ["-m", "seedance_mcp"], "env": env})
    assert server.client_session_timeout_seconds == PATIENCE_S
    model = ObedientModel("create_video", {**SMALL, **arguments})
    # Traces would be uploaded.
    quietly = RunConfig(tracing_disabled=True)
    with anyio.fail_after(45):
        async with server:
            agent = Agent(name="film maker", model=model, mcp_servers=[server])
            result = await Runner.run(agent, "A corgi, please.", run_config=quietly, max_turns=20)
    return result.final_output, model.asked


def check_one_saved_video(said: str, provider: Provider, folder: Path) -> None:
    """The agent ended with its video, and there is no other one, neither here nor at the provider."""
    (file,) = (folder / "videos").glob("*.mp4")
    (task,) = rows(folder)
    (create,) = provider.creates
    assert (task["status"], task["provider_task_id"]) == ("succeeded", create.task_id)
    assert f"Video {task['task_id']} is ready. File: {file} (4 s" in said
    assert task["answered_at"] is not None


async def test_an_agent_that_is_answered_in_time_gets_its_video_with_one_create(
    environment: dict[str, str], provider: Provider, tmp_path: Path
) -> None:
    """DESIGN §3 Waiting: without a progress token create_video answers after 3 s at most, and says how to go on."""
    provider.break_next(on="create", kind="late_result", seconds=2)
    said, asked = await run_agent(environment)
    check_one_saved_video(said, provider, tmp_path)
    assert [one.tool for one in asked] == ["create_video", "get_task"]
    assert not any(one.timed_out for one in asked)


async def test_an_agent_that_gives_a_create_up_and_repeats_it_gets_the_same_video(
    environment: dict[str, str], provider: Provider, tmp_path: Path
) -> None:
    """DESIGN §3 Not paying twice: the repeated call comes while the first create is still being answered."""
    provider.break_next(on="create", kind="slow", seconds=8)
    said, asked = await run_agent(environment, wait_seconds=LONG_WAIT_S)
    check_one_saved_video(said, provider, tmp_path)
    assert len(asked) >= 2
    assert all(one.tool == "create_video" for one in asked)
    assert all(one.timed_out for one in asked[:-1])
    assert "This is the video of an equal create_video call that broke off before it was answered" in said


async def test_an_agent_that_gives_a_wait_up_is_answered_before_that_from_then_on(
    environment: dict[str, str], provider: Provider, tmp_path: Path
) -> None:
    """DESIGN §3 Waiting: once a client has given up after t, the server answers it after t - 1."""
    provider.break_next(on="create", kind="late_result", seconds=14)
    said, asked = await run_agent(environment)
    check_one_saved_video(said, provider, tmp_path)
    create, given_up, *later = asked
    assert (create.tool, create.timed_out) == ("create_video", False)
    assert (given_up.tool, given_up.timed_out) == ("get_task", True)
    assert len(later) >= 2
    assert all((one.tool, one.timed_out) == ("get_task", False) for one in later)
    assert later[0].seconds > PATIENCE_S - 2, "it was answered because it had waited long enough"
