"""`seedance-mcp create`: a video from a shell, through an in-memory MCP client to the same server."""

import argparse
import gc
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, Self

import anyio
from mcp import Client
from mcp_types import CallToolResult, TextContent

from seedance_mcp.server import Program
from seedance_mcp.settings import Settings
from seedance_mcp.tools.create_video import create_video
from seedance_mcp.tools.parameters import Parameter

FIRST_WAIT_S = 30
WAIT_S = 120
ENDS = {"succeeded", "failed", "cancelled", "uncertain"}
INTERRUPTED = 128
"""Plus the signal's number: the exit code of whoever a signal ended."""
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
    gc.enable()
    code = anyio.run(_create_or_leave, Program(settings), wish, _display())
    if code > INTERRUPTED:
        _say("Interrupted. A video that was already ordered goes on and is saved when seedance-mcp runs next.")
    return code


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


async def _create_or_leave(program: Program, wish: Mapping[str, Any], display: Display) -> int:
    """Ends in order on a signal too: the answer to a create in flight is still taken in."""
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
        code = await make_video(program, wish, display)
        group.cancel_scope.cancel()
    return code


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
    if result.is_error:
        _say(text)
        meta: Mapping[str, Any] = result.meta or {}
        return 2 if meta.get("seedance-mcp/error", {}).get("kind") in {"invalid_request", "auth"} else 1
    _say(text)
    facts = _facts(result)
    file = facts.get("video", {}).get("file")
    if facts["status"] == "succeeded" and file:
        sys.stdout.write(f"{file}\n")
        return 0
    return 3 if facts["status"] == "uncertain" else 1


def _facts(result: CallToolResult) -> Mapping[str, Any]:
    return result.structured_content or {}


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _display() -> Display:
    return LiveBar() if sys.stderr.isatty() else PlainLines()


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
            _say(f"{progress:3.0f} %  {message or ''}")


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
