"""One run: servers are killed, the host asks again as a model would, and everything comes to its end."""

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
from soak_falls import Fall, stage_of
from soak_plan import Plan, Sign
from soak_store import let_time_pass, rows, rows_of_a_copy

from e2e.raw_host import Host, running_host, text_of
from seedance_mcp.domain.task import ENDS
from seedance_mcp.simulator.app import Simulator
from seedance_mcp.simulator.exchange import Received
from seedance_mcp.simulator.faults import Fault
from seedance_mcp.simulator.serving import serve

RUN_S = 0.2
"""How long a video takes at the provider."""
SIGN_S = 10.0
"""A sign that has not come by then never will: the neighbour ran into the fault instead."""
END_S = 45.0
WAIT_S = 60
"""Longer than any server lives."""
LOOK_S = 0.001
ASK_S = 0.1


@dataclass(kw_only=True)
class Shot:
    """One video that the host wants once. Its prompt is its own, and its label."""

    arguments: dict[str, Any]
    heard: set[str] = field(default_factory=set[str])
    """Every task id that a call answered for it."""

    @property
    def prompt(self) -> str:
        return str(self.arguments["prompt"])


@dataclass(kw_only=True)
class Run:
    """One data folder, one provider, and what happened to them."""

    plan: Plan
    folder: Path
    simulator: Simulator
    url: str
    shots: Sequence[Shot]
    """Asked of servers that are killed."""
    neighbours: Sequence[Shot]
    """Asked of the process beside them."""
    kills: int = 0
    falls: list[Fall] = field(default_factory=list[Fall])
    troubles: list[str] = field(default_factory=list[str])
    """Calls that were answered with an error."""
    errors: bytearray = field(default_factory=bytearray)
    """What the servers wrote to stderr."""
    tasks: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """Every task, as the last server shows it."""

    @property
    def environment(self) -> dict[str, str]:
        name = self.plan.provider.upper()
        return {
            f"{name}_API_KEY": f"sk-{name}-secret",
            f"{name}_BASE_URL": self.url,
            "SEEDANCE_DATA_DIR": str(self.folder / "data"),
            "SEEDANCE_OUTPUT_DIR": str(self.folder / "videos"),
        }

    def creates_of(self, shot: Shot) -> list[Received]:
        """Every create of this shot that reached the provider."""
        creates = [one for one in self.simulator.requests if one.does == "create"]
        return [one for one in creates if json.dumps(shot.prompt) in json.dumps(one.body)]

    async def play(self) -> None:
        """Everything from the first call to the last answer."""
        if not self.plan.has_neighbour:
            dead = await self._killed_lives()
            async with self._host() as host:
                await self._last_life(host, dead)
            return
        async with self._host() as neighbour:
            await self._answers(neighbour, await self._ask(neighbour, self.neighbours))
            await self._last_life(neighbour, await self._killed_lives())

    async def _killed_lives(self) -> int:
        dead = await self._first_life()
        if self.plan.second_kill_s is not None:
            dead = await self._second_life(dead, self.plan.second_kill_s)
        return dead

    async def _first_life(self) -> int:
        """A server is killed at the planned moment; its process id."""
        moment = self.plan.moment
        async with self._host() as host:
            if moment.after != "spawned":
                await host.call("list_tasks")
            if moment.fault:
                self.simulator.faults.add(Fault(**moment.fault))
            calls = await self._ask(host, self.shots, wait_seconds=WAIT_S if self.plan.waits else 0)
            await self._comes(moment.after)
            await anyio.sleep(self.plan.delay * moment.within_s)
            host.process.kill()
        self.simulator.faults.clear()
        self._has_fallen(host, calls)
        return host.process.pid

    async def _second_life(self, dead: int, seconds: float) -> int:
        """The next server is killed as well, while it takes over; its process id."""
        self._time_passes(dead, unless_at_once=True)
        async with self._host() as host:
            calls = await self._ask(host, self._asked_again)
            await anyio.sleep(seconds)
            host.process.kill()
        self._time_passes(dead)
        self._has_fallen(host, calls)
        return host.process.pid

    async def _last_life(self, host: Host, dead: int) -> None:
        """The host asks again for what it never got an answer to, and waits until everything has ended."""
        self._time_passes(dead, unless_at_once=True)
        await self._answers(host, await self._ask(host, self._asked_again))
        self._time_passes(dead)
        with anyio.move_on_after(END_S):
            self.tasks = await self._all_tasks(host)
            while not all(map(_has_settled, self.tasks)):
                await anyio.sleep(ASK_S)
                self.tasks = await self._all_tasks(host)

    async def _all_tasks(self, host: Host) -> list[dict[str, Any]]:
        listed = (await host.task("list_tasks", {"limit": 50}))["tasks"]
        return [await host.task("get_task", {"task_id": one["task_id"], "wait_seconds": 0}) for one in listed]

    def _time_passes(self, dead: int, *, unless_at_once: bool = False) -> None:
        if not (unless_at_once and self.plan.repeats_at_once):
            let_time_pass(self.folder, dead)

    @property
    def _asked_again(self) -> list[Shot]:
        """With a key a model may always ask again; without one it asks only for what it has heard nothing of."""
        return [shot for shot in self.shots if self.plan.with_key or not shot.heard]

    @asynccontextmanager
    async def _host(self) -> AsyncGenerator[Host]:
        async with running_host(self.environment) as host:
            yield host
        self.errors += host.errors

    async def _ask(self, host: Host, shots: Sequence[Shot], *, wait_seconds: int = 0) -> dict[int, Shot]:
        """Sends a create for each, all at once."""
        arguments = {"wait_seconds": wait_seconds}
        return {
            await host.send("tools/call", name="create_video", arguments=shot.arguments | arguments): shot
            for shot in shots
        }

    async def _answers(self, host: Host, calls: Mapping[int, Shot]) -> None:
        for number in calls:
            await host.answer(number)
        self._hear(host, calls)

    def _hear(self, host: Host, calls: Mapping[int, Shot]) -> None:
        for message in map(json.loads, host.lines):
            shot = calls.get(message.get("id"))
            if shot is None or "method" in message:
                continue
            result = message.get("result", {})
            if result.get("isError", True):
                self.troubles.append(text_of(result) if result else str(message))
            else:
                shot.heard.add(result["structuredContent"]["task_id"])

    def _has_fallen(self, host: Host, calls: Mapping[int, Shot]) -> None:
        """All that the server said has been read by now."""
        self.kills += 1
        self._hear(host, calls)
        # A neighbour keeps the log in use, so that looking changes nothing.
        found = rows(self.folder) if self.plan.has_neighbour else rows_of_a_copy(self.folder)
        by_label = {row["label"]: row for row in found}
        for shot in self.shots:
            row = by_label.get(shot.prompt)
            self.falls.append(
                Fall(
                    stage=stage_of(row),
                    was_heard=bool(shot.heard),
                    only_marked=row is not None and row["answered_at"] is not None and not shot.heard,
                    was_accepted=any(one.accepted for one in self.creates_of(shot)),
                )
            )

    async def _comes(self, sign: Sign) -> None:
        with anyio.move_on_after(SIGN_S):
            while not self._has_come(sign):  # noqa: ASYNC110  (another process writes what is looked at)
                await anyio.sleep(LOOK_S)

    def _has_come(self, sign: Sign) -> bool:
        if sign in {"spawned", "asked"}:
            return True
        creates = [one for shot in self.shots for one in self.creates_of(shot)]
        if sign == "create":
            return bool(creates)
        if sign in {"fetch", "download"}:
            ours = {one.task_id for one in creates if one.accepted}
            return any(one.does == sign and one.task_id in ours for one in self.simulator.requests)
        labels = {shot.prompt for shot in self.shots}
        return any(_shows(row, sign) for row in rows(self.folder) if row["label"] in labels)


def _has_settled(task: Mapping[str, Any]) -> bool:
    """Whether nothing more will come: a video without its file is still being fetched."""
    if task["status"] == "succeeded":
        return "file" in task["video"]
    return task["status"] == "uncertain" or task["status"] in ENDS


def _shows(row: Mapping[str, Any], sign: Sign) -> bool:
    match sign:
        case "waiting":
            return row["status"] == "waiting"
        case "accepted":
            return row["provider_task_id"] is not None
        case "ended":
            return row["status"] in ENDS
        case _:
            return True


@asynccontextmanager
async def prepared(plan: Plan, folder: Path) -> AsyncGenerator[Run]:
    """A provider on a port of its own, so that no other run's requests are counted."""
    simulator = Simulator((plan.provider,), run_s=RUN_S, cache_dir=folder / "rendered")
    async with anyio.create_task_group() as group:

        async def listen(*, task_status: anyio.abc.TaskStatus[int]) -> None:
            await serve(simulator, started=task_status.started)

        port = await group.start(listen)
        yield Run(
            plan=plan,
            folder=folder,
            simulator=simulator,
            url=f"http://127.0.0.1:{port}",
            shots=[_shot(plan, f"shot {number} of run {plan.number}") for number in range(plan.shots)],
            neighbours=[_shot(plan, f"beside run {plan.number}")] if plan.has_neighbour else [],
        )
        group.cancel_scope.cancel()


def _shot(plan: Plan, prompt: str) -> Shot:
    key = {"idempotency_key": prompt} if plan.with_key else {}
    small = {"duration": 5, "resolution": "480p", "aspect_ratio": "16:9", "provider": plan.provider}
    return Shot(arguments={"prompt": prompt, "label": prompt, **small, **key})
