"""A server on a real socket whose answers are written byte by byte, so that a test can break them anywhere."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
from anyio.abc import SocketAttribute, SocketStream

Answer = Callable[[SocketStream, bytes], Awaitable[None]]


@dataclass
class RawServer:
    """Where it listens and what it was sent."""

    port: int
    connections: int = 0
    heads: list[bytes] = field(default_factory=list[bytes])
    is_idle: anyio.Event = field(default_factory=anyio.Event)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def reply(body: bytes = b"", *, status: str = "200 OK", length: int | None = None, **headers: str) -> bytes:
    """A whole HTTP answer; `length` may lie about the body."""
    fields = {"Content-Length": str(len(body) if length is None else length), **headers}
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status}\r\n{lines}\r\n".encode() + body


def always(answer: bytes) -> Answer:
    """Sends the same bytes to every request."""

    async def send(client: SocketStream, _head: bytes) -> None:
        await client.send(answer)

    return send


def then_close(answer: bytes) -> Answer:
    """Sends these bytes and hangs up."""

    async def send(client: SocketStream, _head: bytes) -> None:
        if answer:
            await client.send(answer)
        await client.aclose()

    return send


async def silence(_client: SocketStream, _head: bytes) -> None:
    """Never answers."""
    await anyio.sleep_forever()


@asynccontextmanager
async def raw_server(answer: Answer) -> AsyncGenerator[RawServer]:
    """Listens on a free port of 127.0.0.1; `is_idle` is set whenever a client has gone."""
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
        server = RawServer(listener.extra(SocketAttribute.local_port))  # noqa: S610  (anyio, not Django)

        async def talk(client: SocketStream) -> None:
            server.connections += 1
            try:
                async with client:
                    while True:
                        head = await _read_head(client)
                        server.heads.append(head)
                        await answer(client, head)
            except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
                server.is_idle.set()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(listener.serve, talk)
            yield server
            tasks.cancel_scope.cancel()


async def closed_port() -> int:
    """A port nobody listens on."""
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
        return listener.extra(SocketAttribute.local_port)  # noqa: S610  (anyio, not Django)


async def _read_head(client: SocketStream) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head and not head.startswith(b"\x16"):  # 0x16: a TLS hello, read as it came
        head += await client.receive()
    return head
