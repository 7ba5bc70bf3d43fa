"""Results as a table, each beside its target and beside what it is compared with."""

import os
import platform
import resource
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import gettempdir

ROOT = Path(__file__).parent.parent
_MEMORY = Path("/dev/shm")  # noqa: S108  (the one name such a folder has on Linux)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the table."""

    what: str
    value: float
    unit: str = ""
    at_most: float | None = None
    """The target (DESIGN §10), where there is one."""
    beside: str = ""
    """What else was measured in the same run, to compare with."""
    digits: int = 2

    @property
    def is_missed(self) -> bool:
        return self.at_most is not None and self.value > self.at_most

    @property
    def row(self) -> str:
        target = "" if self.at_most is None else f"≤ {self.at_most:g}{self.unit}"
        shown = f"{self.value:,.{self.digits}f}{self.unit}"
        return f"| {self.what} | {f'**{shown}** (missed)' if self.is_missed else shown} | {target} | {self.beside} |"


def show(title: str, figures: Sequence[Figure]) -> None:
    """Prints the table as Markdown, with the machine's load: a busy machine explains much."""
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    machine = f"Python {platform.python_version()}, {platform.system()}, {os.cpu_count()} cores{load}"
    print(f"\n### {title}\n\n{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {machine}\n")
    print("| measured | result | target | beside it |\n|---|---|---|---|")
    print("\n".join(figure.row for figure in figures), flush=True)


def at_share(values: Sequence[float], share: float) -> float:
    """The value that this share of them does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def middle(values: Sequence[float]) -> str:
    """Median and 95th percentile, for the column of comparisons."""
    return f"{median(values):.2f} (p95 {at_share(values, 0.95):.2f})"


def quick_folder() -> str:
    """In memory where there is such a folder: then a disk that others use too is not what is measured."""
    return str(_MEMORY) if _MEMORY.is_dir() else gettempdir()


def most_rss_mb() -> float:
    """The most memory that this process has had so far."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 1024**2 if sys.platform == "darwin" else most / 1024


def child_environment() -> dict[str, str]:
    """Of a process that uses the tests' clock: `tests` is no package, so it is put on the module path."""
    return dict(os.environ) | {"PYTHONPATH": os.pathsep.join((str(ROOT / "tests"), str(ROOT)))}


def say(line: str) -> None:
    """What is going on, not part of the result."""
    sys.stderr.write(f"{line}\n")
