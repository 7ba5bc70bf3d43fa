"""From the start of the process to the answer to `tools/list`, over stdio, beside a bare server on the same SDK.

    uv run python benchmarks/start.py
    uv run python benchmarks/start.py --rounds 40

Ours (all five providers configured) and bare_server.py are started in turn, so that both meet the same moments of a
busy machine, and in changing order. The first round fills the disk's cache and is not counted.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import anyio
import anyio.abc
from anyio.streams.buffered import BufferedByteReceiveStream
from figures import Figure, say, show

from seedance_mcp.providers import PROVIDERS

OURS = (sys.executable, "-m", "seedance_mcp")
BARE = (sys.executable, str(Path(__file__).with_name("bare_server.py")))
ANSWER_S = 60.0
MAX_LINE = 16 * 1024 * 1024
HANDSHAKE = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "benchmark", "version": "0"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """One start of one server."""

    answer_s: float
    """Until `tools/list` was answered, after the handshake that today's hosts make."""
    cpu_s: float
    """Of the process until then, where the system tells it (Linux); else 0."""


async def start(command: Sequence[str], environment: Mapping[str, str]) -> Start:
    began = time.perf_counter()
    async with await anyio.open_process(command, env=environment, stderr=subprocess.DEVNULL) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("no pipes")
        lines = BufferedByteReceiveStream(process.stdout)
        with anyio.fail_after(ANSWER_S):
            await _ask(process.stdin, lines, 1, "initialize", HANDSHAKE)
            await _send(process.stdin, {"method": "notifications/initialized"})
            tools = await _ask(process.stdin, lines, 2, "tools/list", {})
        took, cpu = time.perf_counter() - began, _cpu_s(process.pid)
        await process.stdin.aclose()
        await process.wait()
    if len(tools["tools"]) < 5:
        raise RuntimeError(f"only {len(tools['tools'])} tools")
    return Start(answer_s=took, cpu_s=cpu)


def _cpu_s(pid: int) -> float:
    """Of all its threads so far; the first figure of `schedstat` is in nanoseconds."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text("ascii").split()[0]) for thread in threads) / 1e9


async def _ask(
    to: anyio.abc.ByteSendStream, lines: BufferedByteReceiveStream, number: int, method: str, params: Mapping[str, Any]
) -> Mapping[str, Any]:
    await _send(to, {"id": number, "method": method, "params": params})
    while True:
        said = json.loads(await lines.receive_until(b"\n", MAX_LINE))
        if said.get("id") == number:
            return said["result"]


async def _send(to: anyio.abc.ByteSendStream, message: Mapping[str, Any]) -> None:
    await to.send(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")


async def run(rounds: int) -> None:
    ours: list[Start] = []
    bare: list[Start] = []
    with TemporaryDirectory() as folder:
        keys = {spec.key_variable: "sk-benchmark" for spec in PROVIDERS if spec.key_variable}
        folders = {"SEEDANCE_DATA_DIR": f"{folder}/data", "SEEDANCE_OUTPUT_DIR": f"{folder}/videos"}
        environment = dict(os.environ) | keys | folders
        for number in range(rounds + 1):
            sides = [(OURS, ours), (BARE, bare)]
            for command, starts in sides if number % 2 else reversed(sides):
                one = await start(command, environment)
                if number:
                    starts.append(one)
            say(f"round {number} of {rounds}")
    show(f"start to tools/list over stdio, {rounds} times each in turn", figures_of(ours, bare))


def figures_of(ours: Sequence[Start], bare: Sequence[Start]) -> Sequence[Figure]:
    our, its = [one.answer_s for one in ours], [one.answer_s for one in bare]
    our_cpu, its_cpu = [one.cpu_s for one in ours], [one.cpu_s for one in bare]
    return [
        _ratio("start, median, against a bare server", median(our), median(its), at_most=1.05),
        _ratio("the same, fastest of each", min(our), min(its)),
        Figure(
            what="the same, median of the rounds' ratios",
            value=median(one / other for one, other in zip(our, its, strict=True)),
            unit=" x",
            digits=3,
        ),
        *(
            [_ratio("the same, CPU instead of wall time, median", median(our_cpu), median(its_cpu))]
            if all(its_cpu)
            else []
        ),
    ]


def _ratio(what: str, our_s: float, its_s: float, at_most: float | None = None) -> Figure:
    beside = f"{1000 * our_s:.0f} ms against {1000 * its_s:.0f} ms"
    return Figure(what=what, value=our_s / its_s, unit=" x", at_most=at_most, digits=3, beside=beside)


def main() -> None:
    parser = argparse.ArgumentParser(description="Start to tools/list, beside a bare server.")
    parser.add_argument("--rounds", type=int, default=20)
    anyio.run(run, parser.parse_args().rounds)


if __name__ == "__main__":
    main()
