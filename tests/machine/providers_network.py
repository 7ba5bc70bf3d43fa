"""The way from the server processes to the simulator: it takes time, loses things, and outlives those who use it."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any, Literal, cast

import anyio
import anyio.abc
import httpx
from mortal import LIFE, Life

from fake_clock import FakeClock
from seedance_mcp.http import Transport, asgi_transport
from seedance_mcp.simulator.app import Simulator
from seedance_mcp.simulator.exchange import Received
from seedance_mcp.simulator.faults import BENDS_THE_TASK

Moment = Literal["create", "poll", "cancel", "download"]
Trouble = Literal["unreachable", "late request", "late answer", "gone", "cut off", "no video"]
REFUSALS = {400, 401, 402, 403, 404, 405, 413, 415, 422, 429}
"""DESIGN §3: after these a create was definitely not accepted."""
WAY_S = 0.1
"""There, and as long back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """What happens to the next request of a kind; `gone`, `cut off` and `no video` only to downloads.

    The answer is late by `seconds`, or the request is.
    """

    on: Moment
    kind: Trouble
    seconds: float = 0.0


@dataclass(slots=True)
class Sent:
    """A create that reached a provider. What became of it there is in `received`."""

    sent_at: float
    received: Received
    heard_by: Life | None = None
    """The process that got the answer; None as long as nobody did."""

    @property
    def is_heard(self) -> bool:
        return self.heard_by is not None

    @property
    def prompt(self) -> str:
        body = _body(self.received)
        return body["inputs"]["prompt"] if "inputs" in body else body["prompt"]

    @property
    def model(self) -> str:
        """The provider's own name of it."""
        return _body(self.received)["model"]

    @property
    def was_refused(self) -> bool:
        return not self.received.accepted and self.received.status in REFUSALS

    @property
    def is_clear(self) -> bool:
        """Whether the answer said for certain what became of it, and came."""
        whole = self.received.accepted and self.received.fault in {None, *BENDS_THE_TASK}
        return self.is_heard and (whole or self.was_refused)


@dataclass(slots=True)
class _Exchange:
    request: httpx.Request
    sent_at: float
    done: anyio.Event = field(default_factory=anyio.Event)
    sent: Sent | None = None
    answer: httpx.Response | None = None
    error: Exception | None = None

    def settle(self, answer: httpx.Response | None, error: Exception | None) -> None:
        """Only the first one counts: an answer that comes after the time limit is not heard."""
        if not self.done.is_set():
            self.answer, self.error = answer, error
            self.done.set()


class Network:
    """Carries requests in tasks of its own, so that a provider goes on when the process that asked is dead."""

    def __init__(self, simulator: Simulator, clock: FakeClock, group: anyio.abc.TaskGroup, video: bytes) -> None:
        self.weather: list[Weather] = []
        self.creates: list[Sent] = []
        self.simulator = simulator
        self._inner = asgi_transport(simulator.asgi)
        self._clock = clock
        self._group = group
        self._video = video

    def transport(self, life: Life) -> Transport:
        """The way for one process."""

        async def carry(request: httpx.Request) -> httpx.Response:
            await life.touch()
            exchange = _Exchange(request, self._clock.now())
            self._group.start_soon(self._carry, exchange)
            await life.wait(exchange.done)
            if exchange.answer is None:
                raise exchange.error or httpx.ReadError("nothing came")
            if exchange.sent is not None:
                exchange.sent.heard_by = life
            return exchange.answer

        return httpx.MockTransport(carry)

    async def ask(self, request: httpx.Request) -> httpx.Response:
        """A request of the world's own, which no weather touches."""
        return await self._inner.handle_async_request(request)

    async def _carry(self, exchange: _Exchange) -> None:
        # A task inherits its starter's context; the network belongs to nobody.
        LIFE.set(None)
        moment = moment_of(exchange.request)
        weather = self._take(moment)
        if weather is not None and weather.kind == "unreachable":
            exchange.settle(None, httpx.ConnectError("nobody there"))
            return
        late = 0.0 if weather is None else weather.seconds
        there = late if weather and weather.kind == "late request" else 0.0
        limits: dict[str, float] = exchange.request.extensions["timeout"]
        if late + 2 * WAY_S > limits["read"]:
            self._group.start_soon(self._time_out, exchange, limits["read"])
        await self._clock.sleep(WAY_S + there)
        answer, error = await self._arrive(exchange, moment, weather)
        await self._clock.sleep(WAY_S + late - there)
        exchange.settle(answer, error)

    async def _time_out(self, exchange: _Exchange, seconds: float) -> None:
        await self._clock.sleep(seconds)
        exchange.settle(None, httpx.ReadTimeout("too long"))

    async def _arrive(
        self, exchange: _Exchange, moment: Moment, weather: Weather | None
    ) -> tuple[httpx.Response | None, Exception | None]:
        if moment == "download":
            return self._file(weather), None
        before = len(self.simulator.requests)
        try:
            return await self._inner.handle_async_request(exchange.request), None
        except OSError as error:
            return None, error
        finally:
            if moment == "create":
                received = self.simulator.requests[before]
                exchange.sent = Sent(exchange.sent_at, received)
                self.creates.append(exchange.sent)

    def _file(self, weather: Weather | None) -> httpx.Response:
        """Every video is the same one: rendering them would take real time."""
        kind = None if weather is None else weather.kind
        headers = {"content-type": "video/mp4", "content-length": str(len(self._video))}
        if kind == "gone":
            return httpx.Response(404)
        if kind == "cut off":
            return httpx.Response(200, headers=headers, content=_half(self._video))
        if kind == "no video":
            return httpx.Response(200, content=b"<html>" * 40, headers={"content-type": "video/mp4"})
        return httpx.Response(200, headers=headers, content=self._video)

    def _take(self, moment: Moment) -> Weather | None:
        for weather in self.weather:
            if weather.on == moment:
                self.weather.remove(weather)
                return weather
        return None


def moment_of(request: httpx.Request) -> Moment:
    if request.method == "DELETE" or request.url.path.endswith("/cancel"):
        return "cancel"
    if request.method == "POST":
        return "create"
    return "download" if request.url.path.startswith("/files/") else "poll"


async def _half(content: bytes) -> AsyncGenerator[bytes]:
    yield content[: len(content) // 2]
    raise httpx.ReadError("the connection was closed")


def _body(received: Received) -> dict[str, Any]:
    return cast("dict[str, Any]", received.body)
