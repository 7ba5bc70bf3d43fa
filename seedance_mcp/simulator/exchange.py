"""One request and its answer: fault, key, body, the format's own function, the record of it all."""

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Final, cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from seedance_mcp.simulator.breaking import distorted, drop
from seedance_mcp.simulator.callbacks import Callbacks
from seedance_mcp.simulator.checks import JsonObject, Problem
from seedance_mcp.simulator.faults import BENDS_THE_TASK, REPLACES_THE_ANSWER, Fault, Faults
from seedance_mcp.simulator.films import Films
from seedance_mcp.simulator.frames import INSIDE
from seedance_mcp.simulator.tasks import Task, Tasks
from seedance_mcp.simulator.wire import Call, Endpoint, RefusedError, Upload, Wire

WRONG_KEY: Final = "wrong-key"
_GARBAGE: Final = b'{"half": [1, 2, '
_SHOWN: Final = 64 * 1024
_log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Received:
    """A request as it arrived, and what became of it. The key itself is not kept."""

    provider: str
    does: str
    method: str
    path: str
    query: Mapping[str, str]
    has_authorization: bool
    at_s: float
    body: object = None
    accepted: bool = False
    """Whether it made a task."""
    task_id: str | None = None
    fault: str | None = None
    status: int | None = None
    """Of the answer; None when the connection was dropped instead."""


@dataclass(slots=True, kw_only=True)
class Premises:
    """What all exchanges of one simulator share."""

    tasks: Tasks
    faults: Faults
    callbacks: Callbacks
    films: Films
    run_s: float
    sleep: Callable[[float], Awaitable[None]]
    accepted_key: str | None
    max_concurrent: int | None
    keep_requests: int
    requests: list[Received] = field(default_factory=list[Received])
    uploads: dict[str, Upload] = field(default_factory=dict[str, Upload])

    def remember(self, received: Received) -> None:
        self.requests.append(received)
        del self.requests[: max(0, len(self.requests) - self.keep_requests)]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One endpoint of a wire format as an ASGI application."""

    premises: Premises
    wire: Wire
    endpoint: Endpoint
    prefix: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        fault = None
        received = self._note(request)
        if INSIDE not in scope:
            fault = self.premises.faults.take(self.endpoint.does, self.wire.wire_id)
            self.premises.remember(received)
        answer = await self._answer(request, received, fault)
        await answer(scope, receive, send)

    async def _answer(self, request: Request, received: Received, fault: Fault | None) -> ASGIApp:
        received.body = _parsed(await request.body())
        received.fault = None if fault is None else fault.kind
        if fault is not None and not fault.is_processed:
            return self._instead(request, received, fault)
        response = await self._response(request, received, fault)
        received.status = response.status_code
        if fault is None or fault.kind in BENDS_THE_TASK:
            return response
        if fault.kind in REPLACES_THE_ANSWER:
            return self._instead(request, received, fault)
        return distorted(response, fault)

    async def _response(self, request: Request, received: Received, fault: Fault | None) -> Response:
        call = self._call(request, await request.body(), received, fault)
        try:
            self._admit(request)
            if self.endpoint.does == "create" or self.endpoint.takes_json:
                call.body = _json_object(request, received.body)
            answer = await self.endpoint.answer(call)
            response = answer if isinstance(answer, Response) else JSONResponse(answer)
        except RefusedError as refused:
            response = self._error(refused)
        except Exception:  # noqa: BLE001  (a caller in the same process must get an answer, not our exception)
            _log.exception("The simulator failed at %s %s", request.method, request.url.path)
            response = self._error(RefusedError(500, "fault"))
        received.task_id = None if call.task is None else call.task.task_id
        return response

    def _call(self, request: Request, raw: bytes, received: Received, fault: Fault | None) -> Call:
        def note(task: Task) -> None:
            received.accepted = True
            received.task_id = received.task_id or task.task_id

        bent = fault if fault is not None and fault.kind in BENDS_THE_TASK else None
        return Call(
            wire_id=self.wire.wire_id,
            origin=f"{request.url.scheme}://{request.url.netloc}",
            prefix=self.prefix,
            path=request.path_params,
            query=dict(request.query_params),
            body={},
            raw=raw,
            content_type=request.headers.get("content-type", ""),
            tasks=self.premises.tasks,
            films=self.premises.films,
            uploads=self.premises.uploads,
            faults=self.premises.faults,
            run_s=self.premises.run_s,
            sleep=self.premises.sleep,
            max_concurrent=self.premises.max_concurrent,
            fault=bent,
            noted=note,
            tell=self.premises.callbacks.expect,
        )

    def _admit(self, request: Request) -> None:
        if not self.endpoint.needs_key:
            return
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            raise RefusedError(401, "no_key")
        accepted = self.premises.accepted_key
        if key == WRONG_KEY or (accepted is not None and key != accepted):
            raise RefusedError(401, "bad_key")

    def _error(self, refused: RefusedError) -> Response:
        return JSONResponse(refused.body or self.wire.error_body(refused), status_code=refused.status)

    def _note(self, request: Request) -> Received:
        return Received(
            provider=self.wire.wire_id,
            does=self.endpoint.does,
            method=request.method,
            path=request.url.path,
            query=dict(request.query_params),
            has_authorization="authorization" in request.headers,
            at_s=self.premises.tasks.clock(),
        )

    def _instead(self, request: Request, received: Received, fault: Fault) -> ASGIApp:
        """What is answered in place of the real answer."""
        if fault.kind in {"drop_before", "drop_after"}:
            received.status = None
            return drop
        response = self._replacement(request, fault)
        response.headers.update(fault.headers)
        received.status = response.status_code
        return response

    def _replacement(self, request: Request, fault: Fault) -> Response:
        is_file = self.endpoint.does == "download"
        kind = "video/mp4" if is_file else "application/json"
        match fault.kind:
            case "status":
                status = fault.status or 500
                body = fault.body if fault.body is not None else self.wire.error_body(RefusedError(status, "fault"))
                return JSONResponse(body, status_code=status)
            case "redirect":
                return Response(status_code=fault.status or 302, headers={"location": str(request.url)})
            case "html":
                page = "<!doctype html><html><body><h1>Bad gateway</h1></body></html>"
                return Response(page, status_code=fault.status or 200, media_type="text/html")
            case "garbage":
                return Response(_GARBAGE * (256 if is_file else 1), status_code=fault.status or 200, media_type=kind)
            case _:
                return Response(b"", status_code=fault.status or 200, media_type=kind)


def as_json(received: Received) -> JsonObject:
    return asdict(received)


def _parsed(raw: bytes) -> object:
    if not raw:
        return None
    try:
        return json.loads(raw)
    except ValueError:
        return raw[:_SHOWN].decode(errors="replace")


def _json_object(request: Request, body: object) -> JsonObject:
    problem = None
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        problem = Problem("Content-Type", "must be application/json")
    elif not isinstance(body, dict):
        problem = Problem("body", "must be a JSON object")
    if problem is not None:
        raise RefusedError(400, "not_json", problems=[problem])
    return cast("JsonObject", body)
