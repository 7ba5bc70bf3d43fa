"""Hears of a task's end before the next look at it. An event only makes a task due: the provider's answer counts."""

import logging
from collections.abc import Callable
from typing import NoReturn

import anyio
import anyio.abc

from seedance_mcp.domain.errors import ProviderError
from seedance_mcp.providers.client import ProviderClient
from seedance_mcp.providers.spec import ProviderReply
from seedance_mcp.tasks.clock import Clock, wait_at_most
from seedance_mcp.tasks.schedule import next_try

logger = logging.getLogger(__name__)

OPEN_PATIENCE_S = 3.0
"""How long a create waits for the stream: it replays nothing, but a video is worth more than an early word of it."""
LASTING_S = 30.0
"""A stream that breaks off sooner counts as a failure too: some gateways open one and close it at once."""
KEPT = 500
"""Events that are remembered for tasks whose create has not been answered yet."""


class EventStreams:
    """One event stream for each provider that has one, opened before its first create and shared by all its tasks."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.due_now: Callable[[str, str], None] = lambda _provider, _provider_task_id: None
        """Is told of every event; the watcher puts itself here."""
        self._group: anyio.abc.TaskGroup | None = None
        self._settled: dict[str, anyio.Event] = {}
        """Set while a stream is open, or when there is no use in waiting for it."""
        self._open: set[str] = set()
        self._heard: dict[tuple[str, str], ProviderReply] = {}
        self._news: set[tuple[str, str]] = set()

    async def run(self) -> None:
        """Keeps the streams; for ever."""
        async with anyio.create_task_group() as group:
            self._group = group
            try:
                await anyio.sleep_forever()
            finally:
                self._group = None

    async def before_create(self, client: ProviderClient) -> None:
        """Opens the provider's stream, and waits a little until it is open."""
        self.listen_to(client)
        if settled := self._settled.get(client.spec.id):
            await wait_at_most(self._clock, settled, OPEN_PATIENCE_S)

    def listen_to(self, client: ProviderClient) -> None:
        """Opens the provider's stream, if it has one and it was not opened before."""
        provider = client.spec.id
        if client.spec.events is None or self._group is None or provider in self._settled:
            return
        self._settled[provider] = anyio.Event()
        self._group.start_soon(self._keep_listening, client)

    def is_open(self, provider: str) -> bool:
        """Whether the provider's stream is open at this moment."""
        return provider in self._open

    def heard_of(self, provider: str, provider_task_id: str) -> ProviderReply | None:
        """What an event said of this task, whether or not its create had been answered by then."""
        return self._heard.get((provider, provider_task_id))

    def take_news(self, provider: str, provider_task_id: str | None) -> bool:
        """Whether an event about this task has come since this was last asked."""
        key = (provider, provider_task_id or "")
        has_news = key in self._news
        self._news.discard(key)
        return has_news

    async def _keep_listening(self, client: ProviderClient) -> NoReturn:
        provider = client.spec.id
        failures = 0
        while True:
            began, settled = self._clock.now(), self._settled[provider]

            def opened(settled: anyio.Event = settled) -> None:
                self._open.add(provider)
                settled.set()

            try:
                await client.listen(opened, lambda reply: self._hear(provider, reply))
            except ProviderError as error:
                logger.info("%s", error)
            except Exception:
                # A fault in one provider's events must not stop the tasks.
                logger.exception("%s: listening failed", provider)
            self._open.discard(provider)
            failures = 0 if self._clock.now() - began >= LASTING_S else failures + 1
            if settled.is_set() and failures <= 1:
                # It worked, so the next creates wait for the next one.
                self._settled[provider] = anyio.Event()
            settled.set()
            # Whatever ended meanwhile is noticed by the next look at it.
            await self._clock.sleep(next_try(max(0, failures - 1), None, first_s=1.0))

    def _hear(self, provider: str, reply: ProviderReply) -> None:
        if reply.provider_task_id is None:
            return
        key = (provider, reply.provider_task_id)
        self._heard[key] = reply
        self._news.add(key)
        while len(self._heard) > KEPT:
            oldest = next(iter(self._heard))
            del self._heard[oldest]
            self._news.discard(oldest)
        self.due_now(*key)
