"""What tools/list publishes: golden files, the token budget, and what every model vendor accepts."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from rig import KEYS
from seedance_mcp.providers import DEMO, PROVIDERS
from seedance_mcp.server import Program
from seedance_mcp.settings import load_settings

GOLDEN = Path(__file__).parent / "golden"
SETUPS: dict[str, tuple[str, ...]] = {
    "none": (),
    **{spec.id: (spec.id,) for spec in PROVIDERS},
    "all": tuple(spec.id for spec in PROVIDERS),
}
READ_BY_MODELS = 1700
"""Tokens (bytes / 4) of names, descriptions and input schemas, DESIGN §3."""
IN_ALL = 2800
SCALARS = {"string", "integer", "number", "boolean"}
PORTABLE = {"type", "description", "enum", "minimum", "maximum", "items"}


async def listed(folder: Path, setup: str) -> list[dict[str, Any]]:
    """tools/list as it goes over the wire."""
    environment = {
        "SEEDANCE_DATA_DIR": str(folder / "data"),
        "SEEDANCE_OUTPUT_DIR": str(folder / "videos"),
    } | {f"{provider.upper()}_API_KEY": KEYS[f"{provider.upper()}_API_KEY"] for provider in SETUPS[setup]}
    async with Client(Program(load_settings(environment)).mcp) as client:
        tools = (await client.list_tools()).tools
    return [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in tools]


@pytest.mark.parametrize("setup", SETUPS)
async def test_every_tool_is_published_exactly_as_the_golden_file_says(
    tmp_path: Path, setup: str, golden: Callable[[Path, object], None]
) -> None:
    """Ours: a change of what models read is a reviewed change; `just golden` rewrites the files."""
    for tool in await listed(tmp_path, setup):
        golden(GOLDEN / setup / f"{tool['name']}.json", tool)


async def test_tools_list_stays_within_the_token_budget(tmp_path: Path) -> None:
    """DESIGN §3: what a model reads stays under 1,700 tokens, the whole answer under 2,800."""
    tools = await listed(tmp_path, "all")
    read = [{key: tool[key] for key in ("name", "description", "inputSchema")} for tool in tools]
    assert tokens(read) < READ_BY_MODELS
    assert tokens(tools) < IN_ALL


@pytest.mark.parametrize("setup", SETUPS)
async def test_every_argument_is_flat_described_and_portable(tmp_path: Path, setup: str) -> None:
    """mcp.md §11: one scalar type or a list of strings, string enums, inclusive limits, and nothing else."""
    for tool in await listed(tmp_path, setup):
        schema = tool["inputSchema"]
        assert set(schema) <= {"type", "properties", "required"}
        for name, published in schema["properties"].items():
            is_list = published["type"] == "array" and published["items"] == {"type": "string"}
            assert published["type"] in SCALARS or is_list, name
            assert published["description"], name
            assert set(published) <= PORTABLE, name
            assert all(isinstance(choice, str) for choice in published.get("enum", ())), name
            assert len(name) <= 40


async def test_every_tool_says_all_four_hints_and_only_the_paid_one_is_not_repeatable(tmp_path: Path) -> None:
    """peers.md 41: hosts run read-only tools unasked, and take a tool without hints for destructive."""
    hints = {tool["name"]: tool["annotations"] for tool in await listed(tmp_path, "all")}
    names = {"readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"}
    assert all(names <= set(given) for given in hints.values())
    assert [name for name, given in hints.items() if not given["readOnlyHint"]] == ["create_video", "cancel_task"]
    assert [name for name, given in hints.items() if given["destructiveHint"]] == ["cancel_task"]
    assert [name for name, given in hints.items() if not given["idempotentHint"]] == ["create_video"]


async def test_only_what_the_configured_providers_take_is_offered(tmp_path: Path) -> None:
    """DESIGN §3: a parameter that no configured provider takes does not appear."""
    ink = {tool["name"]: tool["inputSchema"]["properties"] for tool in await listed(tmp_path, "seedance2_ink")}
    kinovi = {tool["name"]: tool["inputSchema"]["properties"] for tool in await listed(tmp_path, "kinovi")}
    assert "seed" not in ink["create_video"]
    assert "seed" in kinovi["create_video"]
    assert "4k" not in ink["create_video"]["resolution"]["enum"]
    assert "4k" in kinovi["create_video"]["resolution"]["enum"]
    assert "seedance-1.5-pro" not in kinovi["create_video"]["model"]["enum"]


async def test_without_any_key_the_schema_is_that_of_the_demo(tmp_path: Path) -> None:
    """DESIGN §5: the demo is used when no key variable is set."""
    (create, *_) = await listed(tmp_path, "none")
    assert create["inputSchema"]["properties"]["provider"]["enum"] == [DEMO.id]


def tokens(value: object) -> float:
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()) / 4
