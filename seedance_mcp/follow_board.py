"""What `seedance-mcp follow` shows: unfinished tasks on stderr, and results on stdout."""

import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, Self, cast

from seedance_mcp.at_the_shell import has_a_live_terminal, say

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live
    from rich.text import Text

PERCENT_STEP = 10.0
"""Percent between two lines about a task where there is no terminal to draw on."""
WIDE = 120
"""Characters; a narrower terminal shows the notes below the table, where they have room."""
HEADINGS = ("task", "video", "provider", "status", "done", "usually left")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One unfinished task, in words."""

    task_id: str
    video: str
    provider: str
    status: str
    percent: float | None
    """None where nobody can know: its create was answered by nobody."""
    is_estimated: bool
    left: str = ""
    """How long such a task usually still takes; empty where nobody knows."""
    note: str = ""

    @property
    def done(self) -> str:
        return "" if self.percent is None else f"{'~' if self.is_estimated else ''}{self.percent:.0f} %"


class Board(Protocol):
    """Shows rows on stderr until it is left; prints results to stdout in between."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def show(self, rows: Sequence[Row]) -> None: ...

    def result(self, line: str) -> None: ...

    def say(self, text: str) -> None: ...


def board() -> Board:
    return LiveTable() if has_a_live_terminal() else ChangeLines()


def print_result(line: str) -> None:
    """At once, because a script may be waiting for it; a reader that has gone away stops nothing."""
    try:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # Else the interpreter stumbles over it once more when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class ChangeLines:
    """One line whenever a task has changed."""

    def __init__(self) -> None:
        self._shown: dict[str, Row] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def show(self, rows: Sequence[Row]) -> None:
        for row in rows:
            before = self._shown.get(row.task_id)
            if before is None or _has_changed(before, row):
                say(_line(row, with_note=before is None or before.note != row.note))
                self._shown[row.task_id] = row

    def result(self, line: str) -> None:
        print_result(line)

    def say(self, text: str) -> None:
        say(text)


def _has_changed(before: Row, after: Row) -> bool:
    same = replace(after, percent=before.percent, is_estimated=before.is_estimated, left=before.left)
    return same != before or (after.percent or 0) - (before.percent or 0) >= PERCENT_STEP


def _line(row: Row, *, with_note: bool) -> str:
    left = row.left and f", usually {row.left} left"
    note = f". {row.note}" if row.note and with_note else ""
    done = row.done and f", {row.done}"
    return f"{row.task_id}: {row.status} at {row.provider}{done}{left} ({row.video}){note}"


class LiveTable:
    """A table that is drawn anew at every look, below whatever is said and logged; it makes way for each result."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True, markup=False, emoji=False, highlight=False)
        self._live: Live | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._clear()

    def show(self, rows: Sequence[Row]) -> None:
        if self._live is None:
            self._live = self._start()
        self._live.update(_table(rows, is_wide=self._console.width >= WIDE), refresh=True)

    def result(self, line: str) -> None:
        self._clear()
        print_result(line)

    def say(self, text: str) -> None:
        self._clear()
        say(text)

    def _start(self) -> "Live":
        from rich.live import Live

        # stdout is not redirected: rich would print the results to stderr.
        live = Live(console=self._console, auto_refresh=False, transient=True, redirect_stdout=False)
        before = sys.stderr
        live.start()
        _log_to(before, sys.stderr)
        return live

    def _clear(self) -> None:
        if self._live is None:
            return
        # At its end rich draws the whole table once more, and cannot take back what is higher than the screen.
        self._live.update("", refresh=True)
        before = sys.stderr
        self._live.stop()
        _log_to(before, sys.stderr)
        self._live = None


def _log_to(before: object, after: object) -> None:
    """While the table stands, what is written to stderr has to go through it."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler):
            stream_handler = cast("logging.StreamHandler[Any]", handler)
            if stream_handler.stream is before:
                stream_handler.setStream(after)


def _table(rows: Sequence[Row], *, is_wide: bool) -> "RenderableType":
    from rich.console import Group
    from rich.table import Table

    table = Table(box=None, padding=(0, 1), pad_edge=False, expand=is_wide)
    for heading in HEADINGS:
        # Where it is too narrow, the video's name gives way first.
        table.add_column(heading, no_wrap=heading != "video", justify="right" if heading == "done" else "left")
    if is_wide:
        table.add_column("note", ratio=1)
    for row in rows:
        cells = (row.task_id, row.video, row.provider, row.status, row.done, row.left)
        table.add_row(*(_clipped(cell) for cell in (*cells, row.note)[: len(table.columns)]))
    if is_wide:
        return table
    return Group(table, *(_clipped(f"{row.task_id}: {row.note}") for row in rows if row.note))


def _clipped(words: str) -> "Text":
    """On one line."""
    from rich.text import Text

    return Text(words, no_wrap=True, overflow="ellipsis")
