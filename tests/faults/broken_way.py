"""The way from the server to a simulated provider: it counts what is sent, and lets one kind of request go wrong."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import anyio
import httpx
from fault_kinds import Fault, Hit, Moment

from fake_clock import FakeClock
from seedance_mcp.http import asgi_transport
from seedance_mcp.providers.spec import Endpoint, ProviderSpec
from seedance_mcp.simulator.app import Simulator
from seedance_mcp.tasks.clock import wait_at_most

FOR_EVER = 1_000_000
PATIENCE_S = 600.0


@dataclass(kw_only=True)
class BrokenWay:
    """A transport; `fault` hits the next `left` requests of a kind."""

    spec: ProviderSpec
    simulator: Simulator
    clock: FakeClock
    fault: Fault
    at: Moment
    is_done: bool
    left: int
    hits: int = 0
    tries: Counter[Moment] = field(default_factory=Counter[Moment])
    """Requests that the server tried to send."""
    times: dict[Moment, list[float]] = field(default_factory=lambda: defaultdict[Moment, list[float]](list))
    _news: anyio.Event = field(default_factory=anyio.Event)

    @property
    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._carry)

    def heal(self) -> None:
        self.left = 0

    async def until(self, condition: Callable[[], bool]) -> None:
        """Waits for requests until this is so, but not for ever."""
        while not condition():
            if not await wait_at_most(self.clock, self._news, PATIENCE_S):
                raise AssertionError(f"nothing was sent within {PATIENCE_S:.0f} s")

    async def _carry(self, request: httpx.Request) -> httpx.Response:
        if self.spec.events is not None and request.url.path == self.spec.events.path:
            # The in-process transport cannot stream; then looks are all there is.
            return httpx.Response(503)
        pass_on = partial(asgi_transport(self.simulator.asgi).handle_async_request, request)
        moment = self._moment(request)
        if moment is None:
            return await pass_on()
        self.tries[moment] += 1
        self.times[moment].append(self.clock.now())
        is_hit = moment == self.at and self.left > 0
        self.left -= is_hit
        self.hits += is_hit
        self._news.set()
        self._news = anyio.Event()
        if not is_hit:
            return await pass_on()
        return await self.fault.strike(
            Hit(moment=moment, simulator=self.simulator, pass_on=pass_on, is_done=self.is_done)
        )

    def _moment(self, request: httpx.Request) -> Moment | None:
        spec, path = self.spec, request.url.path
        named: tuple[tuple[Moment, Endpoint | None], ...] = (
            ("create", spec.create),
            ("poll", spec.fetch),
            ("cancel", spec.cancel),
        )
        for moment, endpoint in named:
            if endpoint and endpoint.method == request.method and re.fullmatch(_pattern(endpoint), path):
                return moment
        return "download" if path.endswith((".mp4", "/content")) else None


def _pattern(endpoint: Endpoint) -> str:
    path, _, _ = endpoint.path.partition("?")
    return re.escape(path).replace(re.escape("{task_id}"), "[^/]+")
