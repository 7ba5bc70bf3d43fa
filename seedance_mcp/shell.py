"""`seedance-mcp create`: a video from a shell, through an in-memory MCP client to the same server."""

import argparse
import gc
import re
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Protocol, Self

from mcp import Client
from mcp_types import CallToolResult, TextContent

from seedance_mcp.at_the_shell import for_a_person, has_a_live_terminal, problem_with_folder, say, until_interrupted
from seedance_mcp.server import Program
from seedance_mcp.settings import Settings
from seedance_mcp.tools.create_video import create_video
from seedance_mcp.tools.parameters import Parameter

FIRST_WAIT_S = 30
WAIT_S = 120
ENDS = {"succeeded", "failed", "cancelled", "uncertain"}
PLAIN_STEP = 10.0
"""Percent between two lines where there is no terminal to draw a bar on."""


class Display(Protocol):
    """Shows progress on stderr; stdout is for the file's path alone."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    async def show(self, progress: float, total: float | None, message: str | None) -> None: ...


def create(settings: Settings, arguments: Sequence[str]) -> int:
    """Makes one video, prints its path.

    Exit code: 0 saved, 1 not made, 2 bad request, 3 uncertain, 128 + n after SIGINT and SIGTERM.
    """
    tool = create_video(settings.catalogue.specs, {})
    wish = _parse(tool.parameters, arguments)
    if problem := problem_with_folder(settings.output_dir):
        say(f"{problem} Nothing was sent.")
        return 2
    gc.enable()
    ordered = Ordered(_display())
    code, interrupted = until_interrupted(partial(make_video, Program(settings), wish, ordered))
    if interrupted:
        say(_what_goes_on(ordered.task_id))
    return code


def _what_goes_on(task_id: str | None) -> str:
    if task_id is None:
        return "Interrupted. If a video was ordered already, it goes on: seedance-mcp follow finds and saves it."
    return f"Interrupted. Video {task_id} goes on; seedance-mcp follow {task_id} waits for it and saves it."


def _parse(parameters: Sequence[Parameter], arguments: Sequence[str]) -> dict[str, Any]:
    """The tool's own parameters as options, so that the shell can never offer anything else."""
    parser = argparse.ArgumentParser(
        prog="seedance-mcp create", description="Make one video. Prints the saved file's path; progress goes to stderr."
    )
    for parameter in parameters:
        if parameter.name == "prompt":
            parser.add_argument("prompt", metavar="PROMPT", help=parameter.description)
        elif parameter.name != "wait_seconds":
            _add_option(parser, parameter)
    given = vars(parser.parse_args(arguments))
    return {name: value for name, value in given.items() if value is not None}


def _add_option(parser: argparse.ArgumentParser, parameter: Parameter) -> None:
    name = "--" + parameter.name.replace("_", "-")
    text = parameter.description.replace("%", "%%")
    if parameter.kind == "boolean":
        parser.add_argument(name, action=argparse.BooleanOptionalAction, default=None, help=text)
    elif parameter.kind == "strings":
        parser.add_argument(name, action="append", metavar="URL", help=f"{text} May be given several times.")
    else:
        choices = f" One of: {', '.join(parameter.choices)}." if parameter.choices else ""
        parser.add_argument(name, metavar=parameter.kind.upper(), help=text + choices)


async def make_video(program: Program, wish: Mapping[str, Any], display: Display) -> int:
    """Calls create_video, waits for the end however long it takes, and says what came of it."""
    async with Client(program.mcp) as client:
        with display:
            result = await client.call_tool(
                "create_video", {**wish, "wait_seconds": FIRST_WAIT_S}, progress_callback=display.show
            )
            while not result.is_error and _facts(result).get("status") not in ENDS:
                result = await _wait_longer(client, _facts(result), display)
    return _tell(result)


async def _wait_longer(client: Client, task: Mapping[str, Any], display: Display) -> CallToolResult:
    if task["status"] == "waiting":
        # get_task answers at once while a task waits for its turn; list_tasks waits for its end.
        whole = {"task_ids": [task["task_id"]], "wait_seconds": WAIT_S}
        await client.call_tool("list_tasks", whole, progress_callback=display.show)
    again = {"task_id": task["task_id"], "wait_seconds": WAIT_S}
    return await client.call_tool("get_task", again, progress_callback=display.show)


def _tell(result: CallToolResult) -> int:
    """The path to stdout, everything else to stderr."""
    text = "\n".join(block.text for block in result.content if isinstance(block, TextContent))
    say(for_a_person(text))
    if result.is_error:
        meta: Mapping[str, Any] = result.meta or {}
        return 2 if meta.get("seedance-mcp/error", {}).get("kind") in {"invalid_request", "auth"} else 1
    facts = _facts(result)
    file = facts.get("video", {}).get("file")
    if facts["status"] == "succeeded" and file:
        sys.stdout.write(f"{file}\n")
        return 0
    if facts["status"] == "succeeded":
        say(f"seedance-mcp follow {facts['task_id']} goes on trying to save it.")
    return 3 if facts["status"] == "uncertain" else 1


def _facts(result: CallToolResult) -> Mapping[str, Any]:
    return result.structured_content or {}


def _display() -> Display:
    return LiveBar() if has_a_live_terminal() else PlainLines()


class Ordered:
    """Passes everything on, and remembers which task it was about: the first message names it."""

    def __init__(self, display: Display) -> None:
        self._display = display
        self.task_id: str | None = None

    def __enter__(self) -> Self:
        self._display.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._display.__exit__(*error)

    async def show(self, progress: float, total: float | None, message: str | None) -> None:
        if named := re.match(r"(vt_\w+): ", message or ""):
            self.task_id = named[1]
        await self._display.show(progress, total, message)


class PlainLines:
    """One line for every ten percent, and for everything new."""

    def __init__(self) -> None:
        self._shown = -PLAIN_STEP
        self._message: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    async def show(self, progress: float, total: float | None, message: str | None) -> None:
        del total
        if progress - self._shown >= PLAIN_STEP or message != self._message:
            self._shown, self._message = progress, message
            say(f"{progress:3.0f} %  {message or ''}")


class LiveBar:
    """A bar that moves, on a terminal."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
        self._bar = Progress(*columns, console=Console(stderr=True))
        self._row = self._bar.add_task("sending", total=100)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    async def show(self, progress: float, total: float | None, message: str | None) -> None:
        self._bar.update(self._row, completed=progress, total=total or 100, description=message or "")
