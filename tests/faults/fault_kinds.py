"""Every fault of the matrix, as data: what happens on the way, and what kind of trouble the documents call that."""

import socket
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

import httpx

from seedance_mcp.simulator.app import Simulator
from seedance_mcp.simulator.faults import Fault as SimulatedFault
from seedance_mcp.simulator.faults import Moment as SimulatedMoment

Moment = Literal["create", "poll", "cancel", "download"]
MOMENTS: tuple[Moment, ...] = ("create", "poll", "cancel", "download")
Trouble = Literal["no connection", "no", "conflict", "not now", "no answer", "moved", "odd"]
"""`no`: refused; `not now`: refused for this moment; `no answer`: lost or unreadable; `odd`: strange, but an answer."""

RETRY_AFTER_S = 15
"""More than the server waits by itself after a first failure."""
TOO_MUCH = 5 * 1024 * 1024
"""Bytes; more than any answer about a task needs, and slightly more than the server reads."""
CLAIMED = 3 * 1024**3
"""Bytes that a far too large file says it has."""

_AT_SIMULATOR: dict[Moment, SimulatedMoment] = {
    "create": "create",
    "poll": "fetch",
    "cancel": "cancel",
    "download": "download",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One request that is hit."""

    moment: Moment
    simulator: Simulator
    pass_on: Callable[[], Awaitable[httpx.Response]]
    is_done: bool
    """Whether the provider does what it is asked, although its answer suffers."""


Strike = Callable[[Hit], Awaitable[httpx.Response]]


@dataclass(frozen=True, slots=True)
class Fault:
    name: str
    trouble: Trouble
    strike: Strike
    done: tuple[bool, ...] = (False,)
    """Whether the provider may have done what it was asked; of a question or a download this says nothing."""
    asks_for_patience: bool = False

    def variants(self, moment: Moment) -> tuple[bool, ...]:
        return self.done if moment in {"create", "cancel"} else self.done[:1]


def _raises(error: Callable[[], Exception]) -> Strike:
    async def strike(hit: Hit) -> httpx.Response:
        if hit.is_done:
            await hit.pass_on()
        raise error()

    return strike


def _not_connected(cause: Exception | None) -> Strike:
    def error() -> Exception:
        failed = httpx.ConnectError("All connection attempts failed")
        failed.__cause__ = cause
        return failed

    return _raises(error)


def _answers(**fault: Any) -> Strike:
    """The simulator's own answer: an error in the form that the provider's documents give it."""

    async def strike(hit: Hit) -> httpx.Response:
        hit.simulator.faults.add(SimulatedFault(on=_AT_SIMULATOR[hit.moment], accepted=hit.is_done, **fault))
        return await hit.pass_on()

    return strike


def _bends(bend: Callable[[httpx.Response, bytes, Moment], httpx.Response]) -> Strike:
    """The provider's real answer, spoilt on its way."""

    async def strike(hit: Hit) -> httpx.Response:
        answer = await hit.pass_on()
        return bend(answer, await answer.aread(), hit.moment)

    return strike


def _half(answer: httpx.Response, body: bytes, _: Moment) -> httpx.Response:
    kind = {"content-type": answer.headers["content-type"]}
    return httpx.Response(answer.status_code, headers=kind, content=body[: len(body) // 2])


def _broken_off(answer: httpx.Response, body: bytes, _: Moment) -> httpx.Response:
    async def pieces() -> AsyncGenerator[bytes]:
        yield body[: len(body) // 2]
        raise httpx.ReadError("connection reset by peer")

    return httpx.Response(answer.status_code, headers=answer.headers, content=pieces())


def _wrong_type(answer: httpx.Response, body: bytes, _: Moment) -> httpx.Response:
    return httpx.Response(answer.status_code, headers={"content-type": "text/plain"}, content=body)


def _huge(answer: httpx.Response, body: bytes, moment: Moment) -> httpx.Response:
    kind = answer.headers["content-type"]
    if moment != "download":
        return httpx.Response(answer.status_code, headers={"content-type": kind}, content=body + b" " * TOO_MUCH)
    claimed = {"content-type": kind, "content-length": str(CLAIMED)}
    return httpx.Response(answer.status_code, headers=claimed, stream=httpx.ByteStream(body))


_DNS = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
_TLS = ssl.SSLCertVerificationError("certificate verify failed: self-signed certificate")
_EITHER = (False, True)
_LATER = {"Retry-After": str(RETRY_AFTER_S)}
_STATUSES: dict[int, Trouble] = {
    **dict.fromkeys((400, 401, 402, 403, 404, 405), "no"),
    408: "no answer",
    409: "conflict",
    **dict.fromkeys((413, 415, 422), "no"),
    425: "no answer",
    429: "not now",
    **dict.fromkeys((500, 502, 503, 504), "no answer"),
}


def _status(status: int, trouble: Trouble) -> Fault:
    strike = _answers(kind="html" if status == 502 else "status", status=status)
    name = f"HTTP {status}" + (" with a page" if status == 502 else "")
    return Fault(name, trouble, strike, _EITHER if trouble in {"no answer", "conflict"} else (False,))


FAULTS = (
    Fault("connection refused", "no connection", _not_connected(ConnectionRefusedError())),
    Fault("DNS failure", "no connection", _not_connected(_DNS)),
    Fault("TLS failure", "no connection", _not_connected(_TLS)),
    Fault("timeout while connecting", "no connection", _raises(lambda: httpx.ConnectTimeout(""))),
    Fault("timeout after sending", "no answer", _raises(lambda: httpx.ReadTimeout("")), _EITHER),
    Fault("connection reset after sending", "no answer", _raises(lambda: httpx.ReadError("reset by peer")), _EITHER),
    *(_status(status, trouble) for status, trouble in _STATUSES.items() if status <= 429),
    Fault(
        "HTTP 429 with Retry-After",
        "not now",
        _answers(kind="status", status=429, headers=_LATER),
        asks_for_patience=True,
    ),
    *(_status(status, trouble) for status, trouble in _STATUSES.items() if status > 429),
    Fault("redirect", "moved", _answers(kind="redirect"), _EITHER),
    Fault("empty answer", "no answer", _answers(kind="empty"), _EITHER),
    Fault("half an answer", "no answer", _bends(_half), (True,)),
    Fault("connection lost amid the answer", "no answer", _bends(_broken_off), (True,)),
    Fault("far too large an answer", "no answer", _bends(_huge), (True,)),
    Fault("wrong content type", "odd", _bends(_wrong_type), (True,)),
)
