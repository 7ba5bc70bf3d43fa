"""What a video would cost, by the best source there is: the user's file, the provider, its page, experience."""

import logging
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import anyio

from seedance_mcp.domain.cost import UNKNOWN_PRICE, Estimate, Price, PriceList, estimate, length_range
from seedance_mcp.domain.errors import ProviderError
from seedance_mcp.domain.model import ModelSpec
from seedance_mcp.domain.task import Task
from seedance_mcp.domain.video import VideoRequest
from seedance_mcp.providers.client import ProviderClient
from seedance_mcp.providers.json_view import JsonView
from seedance_mcp.providers.spec import LivePrices, ProviderSpec
from seedance_mcp.storage.task_store import TaskStore

logger = logging.getLogger(__name__)

LIVE_PATIENCE_S = 1.5
"""How long an answer may be waited for: some hosts give up on a call after 5 s."""
SILENT_S = 30.0
"""How long a provider that did not tell its price is not asked again."""
CHARGES = 200
"""How many earlier tasks are looked at."""
CHARGES_FRESH_S = 20.0
LIVE_FRESH_S = 600.0
"""How long a live price is taken for the current one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceBook:
    """Everything known about prices at one moment."""

    configured: Mapping[str, PriceList] = field(default_factory=dict[str, PriceList])
    live: Mapping[str, Estimate] = field(default_factory=dict[str, Estimate])
    """By provider and path of the question."""
    charged: Mapping[str, Sequence[Task]] = field(default_factory=dict[str, Sequence[Task]])
    """By provider: tasks with a charge, newest first."""

    def estimate(self, request: VideoRequest, spec: ProviderSpec, model: ModelSpec) -> Estimate:
        """By the user's file, else live, else as published, else as observed; else an honest unknown."""
        configured = estimate(self._as_configured(spec), request, model)
        if configured.basis != "unknown":
            return configured
        live = spec.live and self.live.get(spec.id + spec.live.path(request, model))
        sources = (live, estimate(spec.prices, request, model), self._observed(request, spec, model))
        known = next((one for one in sources if one and one.basis != "unknown"), None)
        return known or live or UNKNOWN_PRICE

    def _as_configured(self, spec: ProviderSpec) -> PriceList | None:
        """The user's list; what a credit costs is the published rate unless they say otherwise."""
        mine = self.configured.get(spec.id)
        if mine is None or mine.usd_per_credit is not None or spec.prices is None:
            return mine
        return replace(mine, usd_per_credit=spec.prices.usd_per_credit)

    def _observed(self, request: VideoRequest, spec: ProviderSpec, model: ModelSpec) -> Estimate:
        alike = [task for task in self.charged.get(spec.id, ()) if _is_alike(task, request, model)]
        rates = [rate for task in alike if (rate := _rate(task))]
        if not rates or not length_range(request, model):
            return UNKNOWN_PRICE
        credit_rates = [credit_rate for credit_rate, _ in rates if credit_rate is not None]
        usd_rates = [usd_rate for _, usd_rate in rates if usd_rate is not None]
        note = f"from {len(rates)} earlier charge{'s' if len(rates) > 1 else ''} of such videos"
        row = Price(
            credits_per_s=statistics.median(credit_rates) if credit_rates else None,
            usd_per_s=statistics.median(usd_rates) if usd_rates else None,
            note=note,
        )
        return estimate(PriceList(rows=(row,), basis="observed"), request, model)


def _is_alike(task: Task, request: VideoRequest, model: ModelSpec) -> bool:
    asked, wanted = task.request.resolution or model.default_resolution, request.resolution or model.default_resolution
    return (task.model, task.mode, asked) == (model.model, request.mode, wanted)


def _rate(task: Task) -> tuple[float | None, float | None] | None:
    """Credits and dollars for each second of a task that was charged."""
    seconds = task.request.duration if (task.request.duration or 0) > 0 else task.video and task.video.duration
    if task.charge is None or not seconds:
        return None
    charge = task.charge
    return (
        None if charge.credits is None else charge.credits / seconds,
        None if charge.usd is None else charge.usd / seconds,
    )


class Prices:
    """Gathers what is known about prices; remembers for a while what providers say of theirs."""

    def __init__(
        self,
        clients: Mapping[str, ProviderClient],
        now: Callable[[], float],
        configured: Mapping[str, PriceList] | None = None,
    ) -> None:
        self._clients = clients
        self._now = now
        self._configured = configured or {}
        self._answers: dict[str, tuple[float, JsonView | None]] = {}
        self._charged: dict[str, tuple[float, Sequence[Task]]] = {}

    async def book(self, store: TaskStore, owner: str, request: VideoRequest) -> PriceBook:
        """Everything known at this moment about what such a video costs."""
        if owner not in self._charged or self._now() - self._charged[owner][0] > CHARGES_FRESH_S:
            self._charged[owner] = (self._now(), await store.charged(owner, CHARGES))
        charged: dict[str, list[Task]] = {}
        for task in self._charged[owner][1]:
            charged.setdefault(task.provider, []).append(task)
        return PriceBook(configured=self._configured, live=await self._live(request), charged=charged)

    async def _live(self, request: VideoRequest) -> Mapping[str, Estimate]:
        """Live estimates for this request, as many as arrive in time."""
        asked = {
            client.spec.id + client.spec.live.path(request, model): (client, client.spec.live, model)
            for client in self._clients.values()
            if client.spec.live and request.provider in {None, client.spec.id}
            for model in client.spec.models
            if request.model in {None, model.model} and not client.spec.problems(request, model)
        }
        with anyio.move_on_after(LIVE_PATIENCE_S):
            async with anyio.create_task_group() as group:
                for key, (client, live, model) in asked.items():
                    if not self._is_fresh(key):
                        group.start_soon(self._ask, key, client, live.path(request, model))
        found: dict[str, Estimate] = {}
        for key, (client, live, model) in asked.items():
            if not self._is_fresh(key):
                # It did not answer in time.
                self._answers[key] = (self._now(), None)
            _, reply = self._answers[key]
            if reply is not None:
                found[key] = _live_estimate(reply, client.spec, live, request, model)
        return found

    def _is_fresh(self, key: str) -> bool:
        asked_at, reply = self._answers.get(key, (0.0, None))
        return self._now() - asked_at < (SILENT_S if reply is None else LIVE_FRESH_S)

    async def _ask(self, key: str, client: ProviderClient, path: str) -> None:
        try:
            reply = await client.look_up(path)
        except ProviderError as error:
            logger.info("no live price: %s", error)
            reply = None
        self._answers[key] = (self._now(), reply)


def _live_estimate(
    reply: JsonView, spec: ProviderSpec, live: LivePrices, request: VideoRequest, model: ModelSpec
) -> Estimate:
    """The live price; or an unknown one that at least says how the provider has changed."""
    try:
        found, drift = live.estimate(reply, request, model) or UNKNOWN_PRICE, live.mismatches(reply, model)
    except Exception:
        # A fault in one provider's reading must not keep the others from being used.
        logger.exception("%s: its live price cannot be read", spec.id)
        return UNKNOWN_PRICE
    if not drift:
        return found
    words = f"its live schema differs from its documents: {'; '.join(drift)}"
    logger.warning("%s, %s: %s", spec.id, model.model, words)
    return replace(found, note=f"{found.note}; {words}" if found.note else words)
