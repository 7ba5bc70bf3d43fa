"""The simulator as one ASGI application.

Beside the providers' own paths (each also under `/{format}/...`, for formats whose paths collide: there the demo gives
way to the providers, and the later format to the earlier one):

    GET  /files/{format}-{file}.mp4, ..._last.png   results; ranges work
    GET  /frames/{name}.png?width=&height=          a still picture, its colours from its name
    GET  /simulator/requests                        every request of a provider's path; DELETE forgets them
    POST /simulator/faults                          a fault, or a list; GET shows what is left, DELETE clears
"""

import re
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from pathlib import Path
from typing import Final, cast

import anyio
import anyio.to_thread
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from seedance_mcp.simulator.aihubmax import AIHUBMAX
from seedance_mcp.simulator.breaking import OUTER_SEND
from seedance_mcp.simulator.callbacks import Callbacks, Post, post_json
from seedance_mcp.simulator.demo import DEMO
from seedance_mcp.simulator.exchange import Exchange, Premises, Received, as_json
from seedance_mcp.simulator.faults import Faults, parse_fault
from seedance_mcp.simulator.films import Films
from seedance_mcp.simulator.frames import Fetch, Frames
from seedance_mcp.simulator.kinovi import KINOVI
from seedance_mcp.simulator.oxen import OXEN
from seedance_mcp.simulator.seedance2_ink import SEEDANCE2_INK
from seedance_mcp.simulator.tasks import Tasks
from seedance_mcp.simulator.uniall import UNIALL
from seedance_mcp.simulator.wire import Call, Endpoint, RefusedError, Wire

_LOOK_EVERY_S: Final = 0.02
FORMATS: Final = {wire.wire_id: wire for wire in (AIHUBMAX, OXEN, SEEDANCE2_INK, KINOVI, UNIALL, DEMO)}


class Simulator:
    """Providers that cost nothing and fail on demand.

    Args:
        formats: The wire formats to speak, by id, or as records for those that can be had in several forms.
        run_s: How long a task takes from its create to its end.
        clock: Seconds since 1970. Tasks end by it, so a test that owns it waits for nothing.
        sleep: Waits by that clock, where an answer takes long. Default: the clock is looked at every 20 ms.
        post: Sends a callback; true if the answer was 2xx. Default: over a socket.
        fetch: Reads input pictures from elsewhere; without it they are drawn from their URL's hash.
        accepted_key: The only key that is let in. Default: every key but `wrong-key`.
        max_concurrent: How many unfinished tasks a format has before it answers 429. Default: no limit.
        cache_dir: Where rendered videos are kept, for other simulators and after a restart too. Default: a temporary
            folder that goes when the simulator goes.
        keep_requests: How many requests are remembered, the newest ones.
    """

    def __init__(
        self,
        formats: Iterable[str | Wire] = tuple(FORMATS),
        *,
        run_s: float = 4.0,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] | None = None,
        post: Post = post_json,
        fetch: Fetch | None = None,
        accepted_key: str | None = None,
        max_concurrent: int | None = None,
        cache_dir: Path | None = None,
        keep_requests: int = 10_000,
    ) -> None:
        self._films = Films(Frames(self.asgi, fetch), cache_dir)
        tasks, faults, sleep = Tasks(clock), Faults(), sleep or _doze
        self._premises = Premises(
            tasks=tasks,
            faults=faults,
            callbacks=Callbacks(tasks, faults, sleep, post),
            films=self._films,
            run_s=run_s,
            sleep=sleep,
            accepted_key=accepted_key,
            max_concurrent=max_concurrent,
            keep_requests=keep_requests,
        )
        self._wires = [FORMATS[given] if isinstance(given, str) else given for given in formats]
        self.formats = tuple(wire.wire_id for wire in self._wires)
        self._router = Router([*self._control_routes(), *self._wire_routes()])

    @property
    def faults(self) -> Faults:
        """What goes wrong next."""
        return self._premises.faults

    @property
    def requests(self) -> list[Received]:
        """Every request of a provider's path or of a result, oldest first."""
        return self._premises.requests

    async def asgi(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application."""
        await self._router({**scope, OUTER_SEND: send}, receive, send)

    async def call_back(self) -> None:
        """Tells the URLs that creates named of their tasks' ends, for as long as it runs beside the application."""
        await self._premises.callbacks.run()

    def close(self) -> None:
        """Stops renders that are under way; the simulator is of no use afterwards."""
        self._films.close()

    def _wire_routes(self) -> Iterator[Route]:
        taken: set[str] = set()
        for wire in sorted(self._wires, key=lambda wire: wire is DEMO):
            wire_id, paths = wire.wire_id, set(map(_shape, wire.endpoints))
            prefixes = (f"/{wire_id}",) if paths & taken else ("", f"/{wire_id}")
            taken |= paths
            for prefix in prefixes:
                for endpoint in wire.endpoints:
                    yield self._route(wire, endpoint, prefix)
            yield self._route(
                wire,
                Endpoint(
                    does="download",
                    method="GET",
                    path=f"/files/{wire_id}-{{name}}",
                    answer=_result_file,
                    needs_key=False,
                ),
                "",
            )

    def _route(self, wire: Wire, endpoint: Endpoint, prefix: str) -> Route:
        exchange: ASGIApp = Exchange(self._premises, wire, endpoint, prefix)
        return Route(prefix + endpoint.path, exchange, methods=[endpoint.method])

    def _control_routes(self) -> list[Route]:
        return [
            Route("/frames/{name}.png", _still, methods=["GET"]),
            Route("/simulator/faults", self._change_faults, methods=["GET", "POST", "DELETE"]),
            Route("/simulator/requests", self._show_requests, methods=["GET", "DELETE"]),
        ]

    async def _change_faults(self, request: Request) -> Response:
        if request.method == "DELETE":
            self.faults.clear()
        elif request.method == "POST":
            try:
                given: object = await request.json()
                many = cast("list[object]", given) if isinstance(given, list) else [given]
                self.faults.add(*map(parse_fault, many))
            except ValueError as error:
                return JSONResponse({"error": str(error)}, status_code=400)
        return JSONResponse({"faults": self.faults.waiting()})

    async def _show_requests(self, request: Request) -> Response:
        if request.method == "DELETE":
            self.requests.clear()
        return JSONResponse({"requests": [as_json(received) for received in self.requests]})


async def _doze(seconds: float) -> None:
    await anyio.sleep(min(seconds, _LOOK_EVERY_S))


def _shape(endpoint: Endpoint) -> str:
    return f"{endpoint.method} {re.sub('{.*?}', '{}', endpoint.path)}"


async def _result_file(call: Call) -> FileResponse:
    stem, dot, suffix = call.path["name"].rpartition(".")
    wants_picture = dot + suffix == ".png" and stem.endswith("_last")
    task = call.tasks.of_file(stem.removesuffix("_last") if wants_picture else stem)
    if task is None or call.tasks.see(task).state != "succeeded" or not (wants_picture or suffix == "mp4"):
        raise RefusedError(404, "not_found")
    call.task = task
    if wants_picture:
        return FileResponse(await call.films.last_frame(task.order, task.origin), media_type="image/png")
    return FileResponse(await call.films.video(task.order, task.origin), media_type="video/mp4")


async def _still(request: Request) -> Response:
    from seedance_mcp.simulator.pictures import draw_png

    try:
        width, height = (int(request.query_params.get(side, default)) for side, default in _STILL.items())
    except ValueError:
        width = height = 0
    if not (2 <= width <= 8192 and 2 <= height <= 8192):
        return JSONResponse({"error": "width and height are pixels, 2 to 8192"}, status_code=400)
    picture = await anyio.to_thread.run_sync(draw_png, request.path_params["name"], width, height)
    return Response(picture, media_type="image/png")


_STILL: Final = {"width": "1280", "height": "720"}
