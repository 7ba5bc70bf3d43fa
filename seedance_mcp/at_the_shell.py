"""A person at a shell: told in their own words, heard when they interrupt, and not drawn for where nobody looks."""

import os
import re
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryFile

import anyio

INTERRUPTED = 128
"""Plus the signal's number: the exit code of whoever a signal ended."""
_BLOCK = 4096
"""Bytes to try a disk with; it may have a folder and no room."""
_WORDS = (
    (
        r"the user is asked first\. Ask, then call create_video again with max_cost_usd=(\S+)\.",
        r"your word is needed first. To go ahead, run this again with --max-cost-usd=\1.",
    ),
    (
        r"Ask the user what it may cost, then call create_video again with max_cost_usd\.",
        "Decide what it may cost, then run this again with --max-cost-usd.",
    ),
    (r"\bCall get_task\(task_id=[\"'](\w+)[\"']\)", r"Run seedance-mcp follow \1"),
    (r"\bget_task\(task_id=[\"'](\w+)[\"']\)", r"seedance-mcp follow \1"),
    (r"\bcall get_task\(", "have your assistant call get_task("),
    (r"(?<!call )\b(cancel_task|get_task\()", r"your assistant's \1"),
    (r"\blist_tasks shows\b", "seedance-mcp follow shows"),
    (r"\bcreate_video call\b", "create"),
    (r"\bcall (create_video )?again\b", "run this again"),
    (r"(?<!-)\bidempotency_key\b", "--idempotency-key"),
    (r"(?<!-)\bmax_cost_usd\b", "--max-cost-usd"),
)
"""What is written for an assistant with tools, and what it means to whoever types commands."""


def for_a_person(text: str) -> str:
    """The same, said to the user instead of to an assistant: "ask the user" would leave them wondering whom to ask."""
    for theirs, ours in _WORDS:
        text = re.sub(theirs, ours, text)
    return text


def say(text: str) -> None:
    """To stderr: stdout is for results alone."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def has_a_live_terminal() -> bool:
    """Whether something that moves can be drawn on stderr."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def problem_with_folder(folder: Path) -> str | None:
    """Why videos could not be saved there, found before one is paid for. Leaves nothing behind, not even the folder."""
    try:
        # What is there of it: a folder that is missing is made when there is something to save.
        there = next((place for place in (folder, *folder.parents) if os.path.lexists(place)), folder)
        with TemporaryFile(dir=there) as file:
            file.write(bytes(_BLOCK))
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        return f"The output folder {folder} cannot be written ({reason}). Correct it or set SEEDANCE_OUTPUT_DIR."
    return None


def until_interrupted(work: Callable[[], Awaitable[int]]) -> tuple[int, bool]:
    """Runs it; the exit code, and whether SIGINT or SIGTERM ended it (128 + n).

    Ends in order on a signal too: the answer to a create in flight is still taken in.
    """
    code = 0
    try:
        code = anyio.run(_or_leave, work)
    except* KeyboardInterrupt:  # Windows, or before the signals are listened to
        code = INTERRUPTED + signal.SIGINT
    return code, code > INTERRUPTED


async def _or_leave(work: Callable[[], Awaitable[int]]) -> int:
    code = 0
    async with anyio.create_task_group() as group:

        async def leave_on_signal() -> None:
            nonlocal code
            with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
                async for number in signals:
                    code = INTERRUPTED + number
                    group.cancel_scope.cancel()

        if sys.platform != "win32":
            group.start_soon(leave_on_signal)
        code = await work()
        group.cancel_scope.cancel()
    return code
