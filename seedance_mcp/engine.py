"""Puts the engine together: store, providers, demo. Imported late, because it brings SQLite and HTTP along."""

import logging
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager, nullcontext
from typing import TYPE_CHECKING

import anyio.to_thread

from seedance_mcp.domain.errors import StoreError
from seedance_mcp.http import Transport, asgi_transport
from seedance_mcp.providers import DEMO
from seedance_mcp.providers.client import ProviderClient
from seedance_mcp.settings import Settings
from seedance_mcp.storage.sqlite import SqliteTaskStore
from seedance_mcp.tasks.clock import Clock
from seedance_mcp.tasks.desk import Desk
from seedance_mcp.tasks.prices import Prices
from seedance_mcp.tasks.push import EventStreams
from seedance_mcp.tasks.service import VideoTasks, new_worker
from seedance_mcp.tasks.timings import Timings

if TYPE_CHECKING:
    from seedance_mcp.public import Public

logger = logging.getLogger(__name__)

STORE_NAME = "tasks.db"
DEMO_FOLDER = "demo"
"""Where the demo's videos are rendered: beside the store, so that a demo task survives a restart like any other."""


@asynccontextmanager
async def open_tasks(
    settings: Settings, clock: Clock, transports: Mapping[str, Transport]
) -> AsyncGenerator[VideoTasks]:
    """The engine, running. `transports` stand in for the network, by provider id.

    Raises:
        StoreError: The data folder cannot be used.
    """
    with _with_demo(settings, transports) as at_hand:
        clients = await anyio.to_thread.run_sync(_clients, settings, at_hand)
        public = await anyio.to_thread.run_sync(_public, settings, clock)
        store = SqliteTaskStore(settings.data_dir / STORE_NAME)
        desk = Desk(
            store=store,
            clock=clock,
            catalogue=settings.catalogue,
            clients=clients,
            limits=settings.limits,
            transports=at_hand,
            output_dir=settings.output_dir,
            worker=new_worker(),
            events=EventStreams(clock),
            prices=Prices(clients, clock.now, settings.prices),
            timings=Timings(store=store, catalogue=settings.catalogue),
        )
        if public is not None:
            desk.callback_url = public.callback_url
        async with VideoTasks(desk) as tasks, public.listening(tasks) if public else nullcontext():
            yield tasks


def _clients(settings: Settings, transports: Mapping[str, Transport]) -> Mapping[str, ProviderClient]:
    """Called on a thread: reading the certificates of the machine takes as long as thirty answers."""
    configured = settings.catalogue.configured
    return {provider.spec.id: ProviderClient(provider, transports.get(provider.spec.id)) for provider in configured}


def _public(settings: Settings, clock: Clock) -> "Public | None":
    """Called on a thread, for it imports a web server. Without it videos are made all the same."""
    if settings.public is None:
        return None
    from seedance_mcp.public import Public

    try:
        return Public(settings.public, settings.data_dir, settings.catalogue, clock)
    except StoreError as error:
        logger.error("no callbacks: %s", error)  # noqa: TRY400  (the text says it all)
        return None


@contextmanager
def _with_demo(settings: Settings, transports: Mapping[str, Transport]) -> Generator[Mapping[str, Transport]]:
    """Adds the simulator of this process, where the demo is used and nothing else stands in for it."""
    if DEMO.id in transports or settings.catalogue.get(DEMO.id) is None:
        yield transports
        return
    from seedance_mcp.media.fetch import fetch_picture
    from seedance_mcp.simulator.app import Simulator

    # It reads first frames from the web under the address guard.
    simulator = Simulator((DEMO.id,), fetch=fetch_picture, cache_dir=settings.data_dir / DEMO_FOLDER)
    try:
        yield {**transports, DEMO.id: asgi_transport(simulator.asgi)}
    finally:
        simulator.close()
