"""Puts the engine together: store, providers, demo. Imported late, because it brings SQLite and HTTP along."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager

from seedance_mcp.http import Transport, asgi_transport
from seedance_mcp.providers import DEMO
from seedance_mcp.providers.client import ProviderClient
from seedance_mcp.settings import Settings
from seedance_mcp.storage.sqlite import SqliteTaskStore
from seedance_mcp.tasks.clock import Clock
from seedance_mcp.tasks.desk import Desk
from seedance_mcp.tasks.service import VideoTasks, new_worker

STORE_NAME = "tasks.db"


@asynccontextmanager
async def open_tasks(
    settings: Settings, clock: Clock, transports: Mapping[str, Transport]
) -> AsyncGenerator[VideoTasks]:
    """The engine, running. `transports` stand in for the network, by provider id.

    Raises:
        StoreError: The data folder cannot be used.
    """
    at_hand = dict(transports)
    configured = settings.catalogue.configured
    if DEMO.id not in at_hand and any(provider.spec.id == DEMO.id for provider in configured):
        at_hand[DEMO.id] = _demo_transport()
    clients = {provider.spec.id: ProviderClient(provider, at_hand.get(provider.spec.id)) for provider in configured}
    desk = Desk(
        store=SqliteTaskStore(settings.data_dir / STORE_NAME),
        clock=clock,
        catalogue=settings.catalogue,
        clients=clients,
        limits=settings.limits,
        transports=at_hand,
        output_dir=settings.output_dir,
        worker=new_worker(),
    )
    async with VideoTasks(desk) as tasks:
        yield tasks


def _demo_transport() -> Transport:
    """The simulator in this process, which reads first frames from the web under the address guard."""
    from seedance_mcp.media.fetch import fetch_picture
    from seedance_mcp.simulator.app import Simulator

    return asgi_transport(Simulator((DEMO.id,), fetch=fetch_picture).asgi)
