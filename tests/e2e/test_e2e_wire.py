"""A whole session on the wire: nothing but protocol on stdout, and no key anywhere."""

import json
from pathlib import Path

import pytest
from raw_host import Host, running_host, text_of
from real_provider import KEYS, SMALL, Provider

pytestmark = pytest.mark.e2e


async def test_stdout_holds_nothing_but_protocol_and_no_key_is_shown_or_stored(
    environment: dict[str, str], provider: Provider, tmp_path: Path
) -> None:
    """DESIGN §7: keys are removed from every log line, error and stored row; mcp.md §14b: a clean wire."""
    async with running_host({**environment, "SEEDANCE_LOG_LEVEL": "DEBUG"}) as host:
        await _session(host, provider)
    for line in host.lines:
        message = json.loads(line)
        assert message["jsonrpc"] == "2.0"
        assert {"result", "error", "method"} & set(message)
    logged = host.errors.decode()
    assert "DEBUG" in logged
    assert "seedance_mcp" in logged
    stored = b"".join(file.read_bytes() for file in (tmp_path / "data").rglob("*") if file.is_file())
    assert b"a corgi" in stored
    for key in KEYS.values():
        assert key not in logged
        assert key.encode() not in b"".join(host.lines)
        assert key.encode() not in stored


async def _session(host: Host, provider: Provider) -> None:
    """Every tool, errors of every kind, and providers that repeat the key they were given."""
    await host.ask("server/discover")
    for listing in ("tools", "resources", "prompts"):
        await host.ask(f"{listing}/list")
    await host.call("estimate_cost", SMALL)
    for name, key in KEYS.items():
        provider.break_next(on="create", kind="status", status=401, body={"message": f"{key} is not a key"})
        refused = await host.call("create_video", {**SMALL, "provider": name})
        assert refused["isError"]
        assert name.upper() in text_of(refused)
    provider.break_next(on="create", kind="task_fails", message=f"not with {KEYS['kinovi']}")
    number = await host.send("tools/call", name="create_video", arguments={**SMALL, "wait_seconds": 20})
    await provider.has_creates(len(KEYS) + 1)
    provider.break_next(on="create", kind="html")
    assert (await host.task("create_video", {**SMALL, "wait_seconds": 20}))["status"] == "uncertain"
    misspelt = await host.call("create_video", {**SMALL, "durration": 4, "api_key": KEYS["kinovi"]})
    assert "Did you mean 'duration'?" in text_of(misspelt)
    task = await host.task("create_video", {**SMALL, "label": "kept", "wait_seconds": 20})
    failed = (await host.answer(number))["structuredContent"]
    assert failed["status"] == "failed"
    assert "not with ***" in failed["error"]["message"]
    await host.ask("resources/read", uri=task["video"]["uri"])
    await host.call("cancel_task", {"task_id": task["task_id"]})
    await host.call("cancel_task", {"task_id": "vt_nothing"})
    await host.call("list_tasks")
    await host.call("nonsense")
