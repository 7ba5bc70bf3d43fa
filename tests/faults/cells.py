"""One cell of the matrix: one provider, one moment, one fault, a whole server; and what a person was told."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import anyio
from broken_way import FOR_EVER, BrokenWay
from fault_kinds import Fault, Moment
from mcp import Client
from mcp_types import CallToolResult

from fake_clock import FakeClock
from rig import Rig, environment, error_of, facts_of, text_of
from seedance_mcp.providers import DEMO, PROVIDERS
from seedance_mcp.providers.spec import ProviderSpec
from seedance_mcp.settings import load_settings
from seedance_mcp.simulator.app import Simulator

ORDER = {"prompt": "a corgi", "duration": 5, "resolution": "480p"}
"""The cheapest video that every provider makes."""
RUN_S = 3.0
LONG = 600
"""Seconds of a wait that outlasts every simulated video."""
A_WHILE = 20.0
"""Seconds after which a create that were sent again would have been sent again."""
STUCK_S = 10
"""Seconds of real time after which a cell has failed."""
LOOKS = 2
"""How many fail in a row where a fault persists."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A provider as it is configured here."""

    name: str
    provider: str
    settings: tuple[tuple[str, str], ...] = ()
    has_id: bool = True
    """Whether a task has an id at the provider from its create on."""

    def environment(self, folder: Path) -> dict[str, str]:
        keys = () if self.provider == DEMO.id else (self.provider,)
        return environment(folder, *keys) | dict(self.settings)

    @property
    def spec(self) -> ProviderSpec:
        """As these settings make it."""
        spec = load_settings(self.environment(Path())).catalogue.spec(self.provider)
        assert spec is not None
        return spec


SUBJECTS = (
    *(Subject(spec.id, spec.id) for spec in PROVIDERS),
    Subject(DEMO.id, DEMO.id, (("SEEDANCE_DEMO", "1"),)),
)
BLOCKING = Subject("oxen in sync mode", "oxen", (("OXEN_REQUEST_MODE", "sync"),), has_id=False)
STUBBORN = "kinovi"
"""Where faults persist, too; how a failed look or download is repeated depends on no provider."""


DONE = "done all the same"
"""The provider did what it was asked, and only its answer was spoilt."""


@dataclass(frozen=True, slots=True)
class Case:
    """What goes wrong where."""

    moment: Moment
    fault: Fault
    is_done: bool
    """Whether the provider does what it is asked, although its answer suffers."""
    is_persistent: bool = False

    @property
    def name(self) -> str:
        is_a_choice = len(self.fault.variants(self.moment)) > 1
        return f"{self.fault.name}, {DONE}" if self.is_done and is_a_choice else self.fault.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What was told, and what became of it."""

    told: str
    """The status, or `saved` when the file is there as well; of a cancel its outcome, or `refused`."""
    text: str
    end: str
    """The last status, or `saved`."""
    creates: int
    """How often the server tried to send the create."""
    accepted: int
    """How many of these the provider took."""
    hits: int
    cancels: int
    gaps: tuple[float, ...]
    """Seconds between one request of the kind that was hit and the next."""
    adopted: str | None = None
    """What became of an `uncertain` video that the provider did make, once its id there was named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One server with one client, and the way to the provider that breaks."""

    subject: Subject
    case: Case
    rig: Rig
    way: BrokenWay
    client: Client

    async def call(self, tool: str, **arguments: Any) -> CallToolResult:
        return await self.client.call_tool(tool, arguments)

    async def create(self, wait_seconds: int) -> CallToolResult:
        return await self.call("create_video", **ORDER, provider=self.subject.provider, wait_seconds=wait_seconds)

    async def get(self, task_id: str, wait_seconds: int = 0) -> CallToolResult:
        return await self.call("get_task", task_id=task_id, wait_seconds=wait_seconds)

    async def accepted(self) -> str:
        """A task that the provider has taken."""
        task_id = facts_of(await self.create(wait_seconds=0))["task_id"]
        for _ in range(LONG):
            if "provider_task_id" in facts_of(await self.get(task_id, wait_seconds=1)):
                return task_id
        raise AssertionError("the provider has not taken it")

    async def end(self, task_id: str) -> str:
        """Waits until nothing more will come."""
        task = facts_of(await self.get(task_id, wait_seconds=LONG))
        if task["status"] == "waiting":
            await self.call("list_tasks", task_ids=[task_id], wait_seconds=LONG)
            task = facts_of(await self.get(task_id))
        for _ in range(LONG):
            if state(task) != "succeeded":
                break
            # The file takes real time, in which a fake clock may run ahead.
            await self.rig.clock.sleep(1)
            task = facts_of(await self.get(task_id))
        return state(task)

    def outcome(self, told: str, result: CallToolResult, end: str, adopted: str | None = None) -> Outcome:
        times = self.way.times[self.case.moment]
        return Outcome(
            told=told,
            text=text_of(result),
            end=end,
            creates=self.way.tries["create"],
            accepted=sum(one.accepted for one in self.way.simulator.requests),
            hits=self.way.hits,
            cancels=self.way.tries["cancel"],
            gaps=tuple(after - before for before, after in pairwise(times)),
            adopted=adopted,
        )


def state(task: Mapping[str, Any]) -> str:
    """The status, or `saved` when the file is there as well."""
    return "saved" if "file" in task.get("video", {}) else task["status"]


async def create(cell: Cell) -> Outcome:
    """Orders, and hears soon what became of that; where the call lasts to the end, then."""
    result = await cell.create(wait_seconds=1 if cell.subject.has_id else LONG)
    task_id = (error_of(result) if result.is_error else facts_of(result))["task_id"]
    told = "failed" if result.is_error else state(facts_of(result))
    if told in {"failed", "uncertain"}:
        await cell.rig.clock.sleep(A_WHILE)
        if state(facts_of(await cell.get(task_id))) == told:
            return cell.outcome(told, result, told, await _adopt(cell))
    return cell.outcome(told, result, await cell.end(task_id))


async def _adopt(cell: Cell) -> str | None:
    """A person reads the id on the provider's own site."""
    made = [one.task_id for one in cell.way.simulator.requests if one.accepted]
    if not made or not cell.subject.has_id:
        return None
    wish = {"provider": cell.subject.provider, "provider_task_id": made[0]}
    return await cell.end(facts_of(await cell.call("get_task", **wish, wait_seconds=LONG))["task_id"])


async def poll(cell: Cell) -> Outcome:
    """Orders, waits for looks that fail, and asks how it is."""
    task_id = facts_of(await cell.create(wait_seconds=0))["task_id"]
    looks = LOOKS if cell.case.is_persistent else 1
    await cell.way.until(lambda: cell.way.hits >= looks)
    result = await cell.get(task_id, wait_seconds=1)
    cell.way.heal()
    return cell.outcome(state(facts_of(result)), result, await cell.end(task_id))


async def cancel(cell: Cell) -> Outcome:
    """Orders, and wants it no more once the provider has taken it."""
    task_id = await cell.accepted()
    result = await cell.call("cancel_task", task_id=task_id)
    told = "refused" if result.is_error else facts_of(result)["outcome"]
    return cell.outcome(told, result, await cell.end(task_id))


async def download(cell: Cell) -> Outcome:
    """Orders, and waits for the video."""
    result = await cell.create(wait_seconds=LONG)
    task = facts_of(result)
    if state(task) != "saved":
        if cell.case.is_persistent:
            before = cell.way.hits
            await cell.way.until(lambda: cell.way.hits > before)
            task = facts_of(result := await cell.get(task["task_id"], wait_seconds=1))
        cell.way.heal()
        await cell.way.until(lambda: cell.way.tries["download"] > cell.way.hits)
    return cell.outcome(state(task), result, await cell.end(task["task_id"]))


RUNS: Mapping[Moment, Callable[[Cell], Awaitable[Outcome]]] = {
    "create": create,
    "poll": poll,
    "cancel": cancel,
    "download": download,
}


async def run(subject: Subject, case: Case, folder: Path, rendered: Path) -> Outcome:
    """Everything from an empty data folder on."""
    variables = subject.environment(folder)
    with anyio.fail_after(STUCK_S):
        async with FakeClock() as clock:
            simulator = Simulator(
                (subject.provider,), run_s=RUN_S, clock=clock.now, sleep=clock.sleep, cache_dir=rendered
            )
            way = BrokenWay(
                spec=subject.spec,
                simulator=simulator,
                clock=clock,
                fault=case.fault,
                at=case.moment,
                is_done=case.is_done,
                left=FOR_EVER if case.is_persistent else 1,
            )
            rig = Rig(
                folder=folder,
                clock=clock,
                simulator=simulator,
                demo=simulator,
                environment=variables,
                transports={subject.provider: way.transport},
            )
            async with rig.client() as client:
                return await RUNS[case.moment](Cell(subject=subject, case=case, rig=rig, way=way, client=client))
