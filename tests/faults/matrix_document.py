"""docs/fault-matrix.md, made of what was observed in the cells."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

from cells import DONE, Case
from fault_kinds import FAULTS, MOMENTS, Fault, Moment

from seedance_mcp.tools.capabilities import markdown_table

Column = Mapping[str, Mapping[str, str]]
"""Of one moment: subject → case → what was observed."""
Name = TypeVar("Name")
OFTEN = 3
"""A difference that is the same in so many rows is said once, above the table."""

INTRODUCTION = """\
<!-- Written by `just golden` from what the tests in tests/faults observed; not by hand. -->

# What becomes of your money when something goes wrong

A video is paid for when a provider accepts it. So the one request that may cost money, the **create**, is sent at most
once. Whatever goes wrong with it, the answer says which of these is true:

- **`failed`, nothing was started or charged.** The request did not leave, or the provider said no. Ordering again is
  safe.
- **`waiting`, nothing was started or charged.** The provider has no place free. The server sends it again by itself
  until it is taken, once.
- **`uncertain`, it may be running and billed.** The request left, and no usable answer came back. It is never sent
  again; where the provider lists its tasks, it is looked up there and goes on. Otherwise look at the provider's own
  site before you order another one: if the video is there, `get_task` with the provider and its id there brings it
  here.

Once a provider has the video, asking how it is (**poll**), **cancel** and **download** cost nothing. They are repeated
where that helps, and a fault there loses neither the video nor its link.

## Every fault at every moment

Each cell was observed: a whole server, one provider (played by the simulator, in that provider's own format), the
fault once, and then none. It shows what was told (the status, or the outcome of a cancel), what the text said of the
video and its cost, and after the arrow what became of it. `saved` means that the file is there.
"""
MEANING = f"""\
*{DONE}*: the provider did what it was asked, and only its answer was spoilt. Where that or the provider makes
a difference, it is said.
"""


class _Who(NamedTuple):
    """One provider, and whether it did what it was asked although its answer was spoilt."""

    subject: str
    is_done: bool


def document(columns: Mapping[Moment, Column], stubborn: Mapping[Moment, Column]) -> str:
    """The whole page; `stubborn` are the cells in which the fault struck again."""
    tables = {moment: _Table(moment, column) for moment, column in columns.items()}
    rows = [(fault.name, *(tables[moment].cell(fault) for moment in MOMENTS)) for fault in FAULTS]
    cells = sum(len(cases) for column in (*columns.values(), *stubborn.values()) for cases in column.values())
    parts = (
        INTRODUCTION,
        MEANING,
        "".join(f"- {line}\n" for table in tables.values() for line in table.said_once()),
        markdown_table(("fault", *MOMENTS), rows) + "\n",
        "## When it fails again\n",
        *(_again(moment, column) for moment, column in stubborn.items()),
        f"These are {cells} cells.\n",
    )
    return "\n".join(parts)


class _Table:
    """One moment: what is usual for each fault, and who does otherwise."""

    def __init__(self, moment: Moment, column: Column) -> None:
        self._moment: Moment = moment
        self._constant = {name: next(iter(cases.values())) for name, cases in column.items() if _is_constant(cases)}
        varied = {name: cases for name, cases in column.items() if name not in self._constant}
        self._rows = {fault: self._row(fault, varied) for fault in FAULTS}
        self._general = self._differences_often_seen()

    def cell(self, fault: Fault) -> str:
        """What is usual, then the exceptions that are not said above the table."""
        row = self._rows[fault]
        usual = _usual(row)
        others = {who: what for who, what in row.items() if what != usual and (who, usual) not in self._general}
        return "<br>".join([usual, *(f"{self._names(group, row)}: {what}" for what, group in _grouped(others).items())])

    def said_once(self) -> Iterator[str]:
        for what, subjects in _grouped(self._constant).items():
            yield f"{self._moment} at {_listed(subjects)}, whatever the fault: {what}."
        for (usual, what), group in _by_change(self._general).items():
            names = _listed(_named(who) for who in group)
            yield f"{self._moment} at {names}: where the table says {usual}, it is {what}."

    def _row(self, fault: Fault, column: Column) -> Mapping[_Who, str]:
        return {
            _Who(subject, is_done and self._moment in {"create", "cancel"}): cases[
                Case(self._moment, fault, is_done).name
            ]
            for is_done in fault.variants(self._moment)
            for subject, cases in column.items()
        }

    def _differences_often_seen(self) -> Mapping[tuple[_Who, str], str]:
        seen: defaultdict[tuple[_Who, str], list[str]] = defaultdict(list)
        for row in self._rows.values():
            usual = _usual(row)
            for who, what in row.items():
                seen[who, usual].append(what)
        return {
            (who, usual): whats[0]
            for (who, usual), whats in seen.items()
            if len(set(whats)) == 1 and len(whats) >= OFTEN and whats[0] != usual
        }

    def _names(self, group: Sequence[_Who], row: Mapping[_Who, str]) -> str:
        """`DONE` is only said where the table shows what comes of it otherwise."""
        done = {who for who in row if who.is_done}
        if set(group) == done:
            return DONE
        return _listed(who.subject if len(done) == len(row) else _named(who) for who in group)


def _again(moment: Moment, column: Column) -> str:
    lines = [f"- {_faults(faults)}: {what}\n" for cases in column.values() for what, faults in _grouped(cases).items()]
    return f"A {moment} that fails twice in a row, and then no more (tried at {_listed(column)}):\n\n{''.join(lines)}"


def _faults(names: Sequence[str]) -> str:
    others = [fault.name for fault in FAULTS if fault.name not in names]
    return _listed(names) if len(others) > len(names) else f"every fault but {_listed(others)}"


def _is_constant(cases: Mapping[str, str]) -> bool:
    return len(set(cases.values())) == 1


def _usual(row: Mapping[_Who, str]) -> str:
    """What most do; of two that are as frequent, what is done without the addition."""
    return Counter(row.values()).most_common(1)[0][0]


def _grouped(values: Mapping[Name, str]) -> Mapping[str, Sequence[Name]]:
    return {what: [name for name, value in values.items() if value == what] for what in values.values()}


def _by_change(general: Mapping[tuple[_Who, str], str]) -> Mapping[tuple[str, str], Sequence[_Who]]:
    found: defaultdict[tuple[str, str], list[_Who]] = defaultdict(list)
    for (who, usual), what in general.items():
        found[usual, what].append(who)
    return found


def _named(who: _Who) -> str:
    return f"{who.subject} ({DONE})" if who.is_done else who.subject


def _listed(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
