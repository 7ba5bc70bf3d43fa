"""A host made of pipes and JSON alone: what it sees is what is on the wire."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import anyio
import anyio.abc
from anyio.streams.buffered import BufferedByteReceiveStream

COMMAND = (sys.executable, "-m", "seedance_mcp")
ANSWER_S = 20.0
"""Longer than any answer takes on a busy machine."""
MAX_LINE = 64 * 1024 * 1024
META = "io.modelcontextprotocol/"
CLIENT = {"name": "raw", "version": "0"}
Era = Literal["modern", "handshake"]


def process_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What the machine gives every process, and these variables."""
    kept = ("PATH", "HOME", "LANG", "SYSTEMROOT", "TEMP", "TMPDIR")
    return {name: os.environ[name] for name in kept if name in os.environ} | dict(environment)


@dataclass(kw_only=True)
class Host:
    """One server process and everything it said."""

    process: anyio.abc.Process
    lines: list[bytes] = field(default_factory=list[bytes])
    """Every line of stdout."""
    errors: bytearray = field(default_factory=bytearray)
    """All of stderr so far."""
    notifications: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    _answers: dict[int, dict[str, Any]] = field(default_factory=dict[int, dict[str, Any]])
    _awaited: dict[int, anyio.Event] = field(default_factory=dict[int, anyio.Event])
    _count: int = 0

    async def ask(self, method: str, era: Era = "modern", **params: Any) -> dict[str, Any]:
        """The result of a request.

        Raises:
            AssertionError: It was answered with an error.
        """
        return await self.answer(await self.send(method, era, **params))

    async def call(
        self, tool: str, arguments: Mapping[str, Any] | None = None, *, era: Era = "modern"
    ) -> dict[str, Any]:
        """A tool's result."""
        return await self.ask("tools/call", era, name=tool, arguments=dict(arguments or {}))

    async def task(self, tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The task a tool answers with."""
        structured: dict[str, Any] = (await self.call(tool, arguments))["structuredContent"]
        return structured

    async def send(self, method: str, era: Era = "modern", **params: Any) -> int:
        """Sends a request without waiting; the result is its number."""
        self._count += 1
        number = self._count
        self._awaited[number] = anyio.Event()
        if era == "modern":
            modern = {"protocolVersion": "2026-07-28", "clientCapabilities": {}, "clientInfo": CLIENT}
            params["_meta"] = {META + name: value for name, value in modern.items()} | params.get("_meta", {})
        await self._write({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        return number

    async def notify(self, method: str, **params: Any) -> None:
        await self._write({"jsonrpc": "2.0", "method": method, "params": params})

    async def answer(self, number: int) -> dict[str, Any]:
        """The result of an earlier request."""
        with anyio.fail_after(ANSWER_S):
            await self._awaited[number].wait()
        answer = self._answers[number]
        assert "error" not in answer, answer["error"]
        result: dict[str, Any] = answer["result"]
        return result

    async def initialize(self) -> dict[str, Any]:
        """The handshake of 2025-11-25."""
        result = await self.ask(
            "initialize", "handshake", protocolVersion="2025-11-25", capabilities={}, clientInfo=CLIENT
        )
        await self._write({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return result

    async def close_stdin(self) -> None:
        assert self.process.stdin is not None
        await self.process.stdin.aclose()

    async def ended(self) -> tuple[int, float]:
        """Waits for the process to leave: its exit code, and the seconds that took from now."""
        started = anyio.current_time()
        with anyio.fail_after(ANSWER_S):
            code = await self.process.wait()
        return code, anyio.current_time() - started

    async def read_stdout(self) -> None:
        assert self.process.stdout is not None
        stream = BufferedByteReceiveStream(self.process.stdout)
        while True:
            try:
                line = await stream.receive_until(b"\n", MAX_LINE)
            except (anyio.EndOfStream, anyio.IncompleteRead, anyio.ClosedResourceError):
                return
            self.lines.append(line)
            self._take(json.loads(line))

    async def read_stderr(self) -> None:
        assert self.process.stderr is not None
        async for chunk in self.process.stderr:
            self.errors += chunk

    def _take(self, message: dict[str, Any]) -> None:
        if "id" not in message:
            self.notifications.append(message)
        elif event := self._awaited.get(message["id"]):
            self._answers[message["id"]] = message
            event.set()

    async def _write(self, message: Mapping[str, Any]) -> None:
        assert self.process.stdin is not None
        await self.process.stdin.send(json.dumps(message).encode() + b"\n")


@asynccontextmanager
async def running_host(environment: Mapping[str, str]) -> AsyncGenerator[Host]:
    """A server process; at the end its stdin is closed and it must leave by itself."""
    process = await anyio.open_process(
        COMMAND, env=process_environment(environment), stdin=subprocess.PIPE, stderr=subprocess.PIPE
    )
    host = Host(process=process)
    async with anyio.create_task_group() as readers:
        readers.start_soon(host.read_stdout)
        readers.start_soon(host.read_stderr)
        try:
            yield host
            await host.close_stdin()
            await host.ended()
        finally:
            if process.returncode is None:
                process.kill()
            with anyio.CancelScope(shield=True):
                await process.wait()
                await process.aclose()


def text_of(result: Mapping[str, Any]) -> str:
    """What a host that shows only text gives its model."""
    return "\n".join(block["text"] for block in result["content"] if block["type"] == "text")
