"""Leaves a provider alone that does not answer, instead of asking it about every task in turn."""

from dataclasses import dataclass, field

from seedance_mcp.tasks.schedule import LONGEST_ASKED_S

FAILURES = 5
TASKS = 2
"""So many failed looks in a row, at so many tasks, and the provider is taken to be down."""
FIRST_PAUSE_S = 15.0
LONGEST_PAUSE_S = 300.0
PROBE_S = 35.0
"""How long one look may be out before another one is tried instead."""


@dataclass
class _Circuit:
    failures: int = 0
    tasks: set[str] = field(default_factory=set[str])
    pauses: int = 0
    paused_until: float = 0.0
    probe_until: float = 0.0

    @property
    def is_down(self) -> bool:
        return self.failures >= FAILURES and len(self.tasks) >= TASKS


@dataclass
class Breaker:
    """One circuit for each provider. Only looks are held back: a create is asked for by somebody who waits."""

    _circuits: dict[str, _Circuit] = field(default_factory=dict[str, _Circuit])

    def wait_s(self, provider: str, now: float) -> float:
        """How long to leave the provider alone; after a pause only one look is let through, until it is answered."""
        circuit = self._circuits.get(provider)
        if circuit is None or not circuit.is_down:
            return 0.0
        until = max(circuit.paused_until, circuit.probe_until)
        if 0 < until - now <= LONGEST_ASKED_S:
            return until - now
        circuit.probe_until = now + PROBE_S
        return 0.0

    def failed(self, provider: str, task_id: str, now: float, asked_s: float | None = None) -> None:
        circuit = self._circuits.setdefault(provider, _Circuit())
        circuit.failures += 1
        circuit.tasks.add(task_id)
        circuit.probe_until = 0.0
        # Looks that were under way when a pause began do not make it longer.
        if circuit.is_down and circuit.paused_until <= now:
            pause = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(circuit.pauses, 10))
            circuit.pauses += 1
            circuit.paused_until = now + max(pause, min(asked_s or 0.0, LONGEST_ASKED_S))

    def is_down(self, provider: str) -> bool:
        circuit = self._circuits.get(provider)
        return circuit is not None and circuit.is_down

    def answered(self, provider: str) -> None:
        """The provider is there."""
        self._circuits.pop(provider, None)
