"""Two server processes on one data folder, two providers behind a bad network, and hosts that ask for all sorts."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
import httpx
from audit import Audit
from ledger import Attempt, Wish
from mcp import Client
from mcp_types import CallToolResult
from mortal import Life
from providers_network import Network, Weather
from server_process import ServerProcess, Slot

from fake_clock import FakeClock
from rig import ADDRESS, environment, facts_of
from seedance_mcp.engine import STORE_NAME
from seedance_mcp.settings import load_settings
from seedance_mcp.simulator.app import Simulator
from seedance_mcp.simulator.faults import Fault
from seedance_mcp.storage.sqlite import SqliteTaskStore

PROVIDERS = ("seedance2_ink", "kinovi", "oxen")
"""One whose lost creates can be looked for, and two where they cannot; one that cannot cancel."""
PRICE_FILE = """
[[seedance2_ink.prices]]
usd_per_second = 0.15
[[oxen.prices]]
usd_per_second = 0.25
"""
PRICES = {"seedance-2.0": 0.6, "seedance-2.0-fast": 0.6, "seedance-20": 0.8, "seedance2-fast": 0.56} | {
    f"bytedance-seedance-2-0{tier}-text-to-video": 1.0 for tier in ("", "-fast", "-mini")
}
"""US dollars for 4 s in 720p: by our price file, and 40 and 28 credits a second at $0.005 (seed 003)."""
RUN_S = 24.0
"""How long a simulated video takes."""
CYCLE_S = 610.0
"""Nothing is put off for longer, apart from what a provider asked for."""
CYCLES = 60
"""So often the last server is given time; everything has its end far sooner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Premises:
    """What a story takes place in. Nothing in it is changed by a step."""

    folder: Path
    video: bytes
    budget_usd: float | None = None
    places: int | None = None
    """How many unfinished videos each provider takes before it answers 429."""
    turns: Callable[[], int] = lambda: 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Interruption:
    """A process is killed as by `kill -9`, or stands still for a while and then goes on."""

    fuse: int | None = None
    """After so many touches of the world from now on; None is at once."""
    stands_still_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateCall:
    """How a host calls create_video, and what goes on meanwhile."""

    wait_seconds: int | None = None
    patience_s: float | None = None
    """After so long the host gives the call up."""
    meanwhile: Interruption | None = None
    fault: Fault | None = None
    """Hits this create, or the next one that is sent."""
    late_s: float = 0.0
    """So much later comes its answer, or that of the next one that is sent."""
    then_s: float = 0.0
    """Goes by afterwards."""
    is_cancelled: bool = False
    """And then the host cancels the newest task."""
    asleep_s: float = 0.0
    """And then the machine sleeps for so long."""
    repeated_at: Slot | None = None
    """And then the host calls it again, perhaps at the other process."""


class Stage:
    """Where a story is played, step by step; its methods are the steps."""

    def __init__(self, premises: Premises, clock: FakeClock, group: anyio.abc.TaskGroup) -> None:
        self.premises = premises
        self.clock = clock
        self.group = group
        self.simulator = Simulator(PROVIDERS, run_s=RUN_S, clock=clock.now, max_concurrent=premises.places)
        self.network = Network(self.simulator, clock, group, premises.video)
        self.environment = _environment(premises)
        self.store = SqliteTaskStore(Path(self.environment["SEEDANCE_DATA_DIR"]) / STORE_NAME)
        self.audit = Audit(self.store, self.network, PRICES, premises.budget_usd, clock.now)
        self.diary: list[str] = []
        self.events: Counter[str] = Counter()
        """What happened, for statistics."""
        self.elsewhere: list[tuple[str, str]] = []
        """Provider and id of tasks that were made without us."""
        self._processes: dict[Slot, ServerProcess] = {}

    def note(self, text: str) -> None:
        self.diary.append(f"{self.clock.now() - self._began:9.1f} s  {text}")

    async def begin(self) -> None:
        """One video at each provider was made elsewhere, before everything."""
        self._began = self.clock.now()
        await self.store.open()
        for provider, path, body in _FOREIGN:
            request = httpx.Request("POST", ADDRESS + path, json=body, headers=_OTHER_KEY)
            await self.network.ask(request)
            self.elsewhere.append((provider, self.simulator.requests[-1].task_id or ""))

    async def settle(self) -> None:
        """Lets everything happen that needs no time."""
        await self.clock.sleep(0)

    async def up(self, slot: Slot) -> ServerProcess:
        """The process in this place; a host starts a server where there is none."""
        process = self._processes.get(slot)
        if process is None or not process.is_up:
            process = self._processes[slot] = self._start(slot)
            await process.ready()
        return process

    def _start(self, slot: Slot) -> ServerProcess:
        life = Life(self.clock, self.premises.turns)
        transports = {provider: self.network.transport(life) for provider in PROVIDERS}
        process = ServerProcess(slot, life, load_settings(self.environment), transports)

        async def run() -> None:
            await process.run()
            self.note(f"{slot} is gone")
            self._mishap()

        self.note(f"{slot} starts")
        self.group.start_soon(run)
        return process

    async def create(self, slot: Slot, wish: Wish, how: CreateCall) -> None:
        """A host orders a video, and some time goes by."""
        process = await self.up(slot)
        if how.meanwhile is not None:
            self._interrupt(process, how.meanwhile)
        if how.fault is not None:
            await self.break_provider(how.fault)
        if how.late_s:
            await self.trouble(Weather(on="create", kind="late answer", seconds=how.late_s))
        attempt = self.audit.intents.begin(wish, self.clock.now())
        self.events["a call repeated after it broke off"] += attempt.is_repeated
        arguments: dict[str, Any] = {**wish.arguments()}
        if how.wait_seconds is not None:
            arguments["wait_seconds"] = how.wait_seconds

        async def call(client: Client) -> None:
            scope = anyio.CancelScope()
            if how.patience_s is not None:
                self.group.start_soon(self._lose_patience, scope, how.patience_s)
            answer: CallToolResult | None = None
            try:
                with scope:
                    answer = await client.call_tool("create_video", arguments)
            finally:
                self._create_ended(process, attempt, answer)

        process.start(call)
        await self.clock.sleep(how.then_s)
        if how.is_cancelled:
            await self.cancel(slot, 0)
        if how.asleep_s:
            await self.sleep_laptop(how.asleep_s)
        if how.repeated_at is not None:
            await self.create(how.repeated_at, wish, CreateCall())

    async def look(self, slot: Slot, index: int, wait_seconds: int) -> None:
        """A host asks for a task that some host was told of."""
        if task_id := self._known(index):
            await self._ask(slot, "get_task", task_id=task_id, wait_seconds=wait_seconds)

    async def cancel(self, slot: Slot, index: int) -> None:
        if task_id := self._known(index):
            await self._ask(slot, "cancel_task", task_id=task_id)

    async def adopt(self, slot: Slot, index: int) -> None:
        """A host has an id from a provider's own site: of a video made elsewhere, or of one of ours."""
        ours = [(one.received.provider, one.received.task_id or "") for one in self.network.creates]
        theirs = [*self.elsewhere, *(one for one in ours if one[1])]
        provider, provider_task_id = theirs[index % len(theirs)]
        await self._ask(slot, "get_task", provider=provider, provider_task_id=provider_task_id, wait_seconds=0)

    async def tell(self, slot: Slot, index: int) -> None:
        """A host has found out at the provider which task an uncertain one is, and says so."""
        uncertain = [task for task in self.audit.tasks.values() if task.status == "uncertain"]
        if not uncertain:
            return
        task = uncertain[index % len(uncertain)]
        for one in self.network.creates:
            if (one.prompt, one.received.provider, one.received.accepted) == (task.request.prompt, task.provider, True):
                theirs = one.received.task_id
                await self._ask(slot, "get_task", task_id=task.task_id, provider_task_id=theirs, wait_seconds=0)
                return

    async def wait(self, seconds: float) -> None:
        self.note(f"{seconds:g} s go by")
        await self.clock.sleep(seconds)

    async def sleep_laptop(self, seconds: float) -> None:
        """Nobody here runs for so long; the providers do."""
        self.note(f"the machine sleeps for {seconds:g} s")
        self._mishap()
        self.clock.time += seconds

    async def interrupt(self, slot: Slot, how: Interruption) -> None:
        """A process is killed or stands still, now or in the middle of what it does next."""
        process = self._processes.get(slot)
        if process is not None and process.is_up:
            self._interrupt(process, how)

    def _interrupt(self, process: ServerProcess, how: Interruption) -> None:
        life, seconds = process.life, how.stands_still_s

        async def thaw(seconds: float) -> None:
            await self.clock.sleep(seconds)
            life.thaw()

        def strike() -> None:
            self._mishap()
            if seconds is None:
                self.note(f"{process.name} is killed")
                self.events["a process killed"] += 1
                life.die()
            elif not life.is_frozen:
                self.note(f"{process.name} stands still for {seconds:g} s")
                self.events["a process that stood still"] += 1
                life.freeze()
                self.group.start_soon(thaw, seconds)

        if how.fuse is None:
            strike()
        else:
            life.light(how.fuse, strike)

    async def restart(self, slot: Slot) -> None:
        """The host ends its server in order, and starts another one."""
        process = self._processes.get(slot)
        if process is not None and process.is_up:
            self.note(f"{slot} leaves")
            self._mishap()
            await process.leave()
        await self.up(slot)

    async def break_provider(self, fault: Fault) -> None:
        self.simulator.faults.add(fault)

    async def trouble(self, weather: Weather) -> None:
        self.network.weather.append(weather)

    async def finish(self) -> None:
        """All faults are over, one server lives on and has time: then everything has come to its end."""
        self.simulator.faults.clear()
        self.network.weather.clear()
        survivor, other = (self._processes.get(slot) for slot in ("A", "B"))
        if other is not None and other.is_up:
            other.life.die()
            await other.ended.wait()
        if survivor is not None:
            survivor.life.put_out()
            survivor.life.thaw()
        await self.up("A")
        self.note("the last act: A alone")
        for _ in range(CYCLES):
            await self.clock.sleep(RUN_S)
            await self.audit.check()
            if all(task.next_step_at is None for task in self.audit.tasks.values()):
                break
            self.clock.time += CYCLE_S
        self.audit.check_the_end(await self._ends())
        await self._hosts_see_everything()

    async def close(self) -> None:
        for process in self._processes.values():
            if process.is_up:
                await process.leave()
        await self.store.close()

    async def abort(self) -> None:
        """The story has failed: nobody needs to leave in order."""
        for process in self._processes.values():
            process.life.die()
            await process.ended.wait()
        await self.store.close()

    async def _hosts_see_everything(self) -> None:
        """Every task is in the list that a host gets; `uncertain` ones can be asked for."""
        seen: dict[str, str] = {}
        process = await self.up("A")
        done = anyio.Event()

        async def read(client: Client) -> None:
            cursor: Mapping[str, Any] = {}
            while True:
                facts = facts_of(await client.call_tool("list_tasks", {"limit": 50, **cursor}))
                seen.update({task["task_id"]: task["status"] for task in facts["tasks"]})
                if "next_cursor" not in facts:
                    break
                cursor = {"cursor": facts["next_cursor"]}
            done.set()

        process.start(read)
        await done.wait()
        await self.audit.check()
        assert seen == {task.task_id: task.status for task in self.audit.tasks.values()}

    async def _ends(self) -> Mapping[str, str]:
        """What the providers say of all their tasks, asked without us."""
        ends: dict[str, str] = {}
        for received in tuple(self.simulator.requests):
            if received.does == "create" and received.task_id is not None:
                path = _LOOK[received.provider] + received.task_id
                answer = await self.network.ask(httpx.Request("GET", ADDRESS + path, headers=_OTHER_KEY))
                ends[received.task_id] = _IN_OUR_WORDS.get(json.loads(await answer.aread())["status"], "failed")
        return ends

    def _mishap(self) -> None:
        self.audit.mishaps.append(self.clock.now())

    def _known(self, index: int) -> str | None:
        """Counted from the newest one."""
        known = self.audit.known
        return known[-1 - index % len(known)] if known else None

    async def _ask(self, slot: Slot, tool: str, **arguments: Any) -> None:
        process = await self.up(slot)

        async def call(client: Client) -> None:
            self._heard(f"{slot} {tool} {arguments}", await client.call_tool(tool, arguments))

        process.start(call)

    def _heard(self, what: str, answer: CallToolResult, key: str | None = None) -> None:
        facts: Mapping[str, Any] = (answer.meta or {}).get("seedance-mcp/error") or answer.structured_content or {}
        self.note(f"{what}: {facts.get('task_id')} {facts.get('status') or facts.get('kind')}")
        if answer.is_error:
            self.events[f"an answer {facts['kind']}"] += 1
        if "task_id" in facts and not (answer.is_error and facts["kind"] in {"not_found", "invalid_request"}):
            self.audit.told(facts["task_id"], key)

    def _create_ended(self, process: ServerProcess, attempt: Attempt, answer: CallToolResult | None) -> None:
        wish = attempt.wish
        what = f"{process.name} create_video {wish.prompt!r}"
        if answer is not None:
            self._heard(what, answer, wish.key)
            return
        self.note(f"{what}: broke off")
        self.audit.intents.broke_off(attempt, was_frozen=process.life.is_frozen)

    async def _lose_patience(self, scope: anyio.CancelScope, seconds: float) -> None:
        await self.clock.sleep(seconds)
        scope.cancel()


_OTHER_KEY = {"authorization": "Bearer other"}
_LOOK = {
    "seedance2_ink": "/api/open/v1/video/generations/",
    "kinovi": "/api/v1/jobs/recordInfo?taskId=",
    "oxen": "/api/ai/queue/",
}
_IN_OUR_WORDS = {"success": "succeeded", "succeeded": "succeeded", "cancelled": "cancelled"}
"""Everything else is no video."""
_FOREIGN: tuple[tuple[str, str, Mapping[str, Any]], ...] = (
    ("seedance2_ink", "/api/open/v1/video/generations", {"model": "seedance-2.0", "prompt": "elsewhere"}),
    ("kinovi", "/api/v1/jobs/createTask", {"model": "seedance-20", "inputs": {"prompt": "elsewhere"}}),
    ("oxen", "/api/ai/queue", {"model": "bytedance-seedance-2-0-text-to-video", "prompt": "elsewhere"}),
)


_MORE_SETTINGS = {"OXEN_REQUEST_MODE": "poll"}
"""Event streams do not go through a transport within one process."""


def _environment(premises: Premises) -> dict[str, str]:
    prices = premises.folder / "prices.toml"
    prices.write_text(PRICE_FILE, encoding="utf-8")
    budget = {} if premises.budget_usd is None else {"SEEDANCE_DAILY_BUDGET_USD": str(premises.budget_usd)}
    return environment(premises.folder, *PROVIDERS) | _MORE_SETTINGS | {"SEEDANCE_PRICES": str(prices)} | budget
