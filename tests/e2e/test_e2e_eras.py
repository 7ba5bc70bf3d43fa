"""Which protocol a connection speaks, seen on the wire itself."""

from pathlib import Path

import pytest
from raw_host import Era, Host, running_host, text_of
from real_provider import SMALL, Provider
from store_rows import accepted

pytestmark = pytest.mark.e2e


async def test_a_host_may_discover_first_and_then_shake_hands(environment: dict[str, str]) -> None:
    """mcp.md §0: Claude Code asks `server/discover` and then sends `initialize` on the same connection."""
    async with running_host(environment) as host:
        discovered = await host.ask("server/discover")
        assert "2026-07-28" in discovered["supportedVersions"]
        assert (await host.initialize())["protocolVersion"] == "2025-11-25"
        await _works(host, "handshake")


async def test_a_host_that_only_shakes_hands_is_served_also_when_it_does_so_twice(environment: dict[str, str]) -> None:
    """Issue: pure handshake clients, 2025-11-25; a late `initialize` starts afresh, whatever came before it."""
    async with running_host(environment) as host:
        assert (await host.initialize())["serverInfo"]["name"] == "seedance-mcp"
        assert await host.ask("ping", "handshake") == {}
        await _works(host, "handshake")
        await host.initialize()
        await _works(host, "handshake")


async def test_a_host_that_never_introduces_itself_is_served(environment: dict[str, str]) -> None:
    """Issue: pure modern clients, 2026-07-28, where every request stands alone."""
    async with running_host(environment) as host:
        await _works(host, "modern")


async def test_a_call_that_waits_when_the_host_starts_over_keeps_its_task(
    environment: dict[str, str], provider: Provider, tmp_path: Path
) -> None:
    """DESIGN §3: a call that ends never ends the paid task."""
    async with running_host(environment) as host:
        await host.send("tools/call", name="create_video", arguments={**SMALL, "wait_seconds": 25})
        await provider.has_creates(1)
        await host.initialize()
        (task,) = (await host.call("list_tasks", era="handshake"))["structuredContent"]["tasks"]
        await accepted(tmp_path)
    assert task["status"] in {"queued", "running"}
    assert len(provider.creates) == 1


async def test_lines_that_are_no_messages_do_not_end_the_connection(environment: dict[str, str]) -> None:
    """Ours: a stray line from a wrapper script must not cost the session."""
    async with running_host(environment) as host:
        assert host.process.stdin is not None
        await host.process.stdin.send(b'not json\n\n{"jsonrpc": "2.0"}\n[1, 2]\n\xff\xfe\n')
        await _works(host, "modern")


async def _works(host: Host, era: Era) -> None:
    """Both a list and a call are answered."""
    listed = await host.ask("tools/list", era)
    called = await host.call("list_tasks", era=era)
    assert len(listed["tools"]) == 5
    assert text_of(called) == "No tasks yet."
