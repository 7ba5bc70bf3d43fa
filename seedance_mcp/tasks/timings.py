"""How long videos usually take, learned from those that were finished, here and in earlier runs."""

from dataclasses import dataclass, field

from seedance_mcp.domain.task import Task
from seedance_mcp.storage.task_store import TaskStore, Timing
from seedance_mcp.tasks.catalogue import Catalogue
from seedance_mcp.tasks.schedule import ENOUGH, Usual, documented, learned

FRESH_S = 60.0
"""Other processes learn too: so often their figures are fetched."""
NEWEST = 200
_Kind = tuple[str, str]


@dataclass(kw_only=True)
class Timings:
    """The finished videos of each provider and model, as far as this process has looked."""

    store: TaskStore
    catalogue: Catalogue
    _known: dict[_Kind, tuple[Timing, ...]] = field(default_factory=dict[_Kind, tuple[Timing, ...]])
    _read_at: dict[_Kind, float] = field(default_factory=dict[_Kind, float])
    _usual: dict[tuple[_Kind, str | None, int | None], Usual] = field(
        default_factory=dict[tuple[_Kind, str | None, int | None], Usual]
    )

    async def refresh(self, task: Task, now: float) -> None:
        """Reads what is known about such tasks, unless that was done a moment ago."""
        kind = (task.provider, task.model or "")
        if now - self._read_at.get(kind, -FRESH_S) < FRESH_S:
            return
        self._read_at[kind] = now
        self._known[kind] = tuple(await self.store.timings(*kind, NEWEST))
        self._usual = {key: usual for key, usual in self._usual.items() if key[0] != kind}

    def usual(self, task: Task) -> Usual:
        """The most fitting there is: of the same size and length, of the same model, or what the documents say."""
        kind = (task.provider, task.model or "")
        key = (kind, task.request.resolution, task.request.duration)
        if key not in self._usual:
            self._usual[key] = self._work_out(task, self._known.get(kind, ()))
        return self._usual[key]

    def _work_out(self, task: Task, known: tuple[Timing, ...]) -> Usual:
        size, length = task.request.resolution, task.request.duration
        same = [one.took_s for one in known if (one.resolution, one.duration) == (size, length)]
        for times in (same, [one.took_s for one in known]):
            if len(times) >= ENOUGH:
                return learned(times)
        spec = self.catalogue.spec(task.provider)
        return documented(spec.usual_s if spec else None)
