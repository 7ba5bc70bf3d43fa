"""Oxen.ai's stream of events: what ends while somebody listens; nothing is kept for later.

A cancelled generation has no event. Events of other kinds come between; their name and content are made up.
"""

import json
from collections.abc import AsyncGenerator
from typing import Final

from seedance_mcp.simulator.breaking import CutError, Stream
from seedance_mcp.simulator.checks import JsonObject
from seedance_mcp.simulator.tasks import ENDS, Task
from seedance_mcp.simulator.wire import Call

_KEEP_ALIVE_S: Final = 15.0
_LOOK_EVERY_S: Final = 1.0


async def events(call: Call) -> Stream:
    """Subscribes; what ended before has no event any more."""
    return Stream(_written(call, _Ended(call)), media_type="text/event-stream", headers={"cache-control": "no-cache"})


class _Ended:
    """Finds the tasks that have ended since the last look."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._known = 0
        self._open: list[Task] = []
        self.take()

    def take(self) -> list[Task]:
        tasks = list(self._call.tasks)
        self._open += [task for task in tasks[self._known :] if task.wire_id == self._call.wire_id]
        self._known = len(tasks)
        looked_at, self._open = self._open, []
        ended: list[Task] = []
        for task in looked_at:
            (ended if self._is_over(task) else self._open).append(task)
        return ended

    def _is_over(self, task: Task) -> bool:
        seen = self._call.tasks.see(task)
        return seen.state in ENDS and (seen.state != "succeeded" or seen.has_result)


async def _written(call: Call, ended: _Ended) -> AsyncGenerator[str]:
    written_s = call.tasks.clock()
    while call.faults.take("events", call.wire_id, during="drop") is None:
        for task in ended.take():
            if call.tasks.see(task).state != "cancelled" and not _is_lost(call):
                yield _event("deployment_status_changed", {"status": "active"})
                yield _event("media_generation_completed", _completed(call, task))
                written_s = call.tasks.clock()
        if call.tasks.clock() - written_s >= _KEEP_ALIVE_S:
            yield ": keep-alive\n\n"
            written_s = call.tasks.clock()
        await call.sleep(_LOOK_EVERY_S)
    raise CutError


def _is_lost(call: Call) -> bool:
    return call.faults.take("events", call.wire_id, during="lost_event") is not None


def _completed(call: Call, task: Task) -> JsonObject:
    state = call.tasks.see(task).state
    more = (
        {"model": task.body["model"], "url": call.video_url(task)} if state == "succeeded" else {"error": task.failure}
    )
    return {"generation_id": task.task_id, "status": state, "media_type": "video"} | more


def _event(name: str, data: JsonObject) -> str:
    return f"event: {name}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n"
