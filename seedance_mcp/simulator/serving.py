"""A simulator on a real port."""

from collections.abc import Callable

import anyio

from seedance_mcp.simulator.app import Simulator
from seedance_mcp.simulator.listening import listen, serve_on


async def serve(
    simulator: Simulator, host: str = "127.0.0.1", port: int = 0, *, started: Callable[[int], None] = lambda _: None
) -> None:
    """Serves, and calls back, until it is cancelled; `started` gets the real port once connections are accepted.

    Raises:
        OSError: The port cannot be had.
    """
    listener = listen(host, port)
    real_port: int = listener.getsockname()[1]
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(simulator.call_back)
            await serve_on(listener, simulator.asgi, accepts=lambda: started(real_port))
    finally:
        simulator.close()


async def run_simulator(host: str, port: int, run_s: float, announce: Callable[[str], None]) -> None:
    """`seedance-mcp simulator`: serves all formats, and says how to use them."""
    simulator = Simulator(run_s=run_s)

    def started(real_port: int) -> None:
        shown = f"[{host}]" if ":" in host else host
        url = f"http://{shown}:{real_port}"
        announce(f"The simulator listens on {url}")
        for wire_id in simulator.formats:
            if wire_id != "demo":
                name = wire_id.upper()
                announce(f"{name}_BASE_URL={url} {name}_API_KEY=any-key")

    await serve(simulator, host, port, started=started)
