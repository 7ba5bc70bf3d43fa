"""The README's tables, and the registry's manifest, are what the program says."""

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft7Validator

from seedance_mcp.providers import DEMO, PROVIDERS
from seedance_mcp.settings import all_settings
from seedance_mcp.tools import tools_for
from seedance_mcp.tools.capabilities import HEADINGS, capability_rows, markdown_table

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
MANIFEST = ROOT / "server.json"
MANIFEST_SCHEMA = ROOT.parent / "shared" / "schemas" / "server-2025-12-11.schema.json"


def tables() -> dict[str, str]:
    tools = [(f"`{tool.name}`", tool.description) for tool in tools_for(PROVIDERS)]
    settings = [(f"`{one.name}`", one.meaning, one.default) for one in all_settings()]
    return {
        "tools": markdown_table(("tool", "does"), tools),
        "providers": markdown_table(HEADINGS, capability_rows((*PROVIDERS, DEMO))),
        "settings": markdown_table(("variable", "meaning", "default"), settings),
    }


def filled(readme: str) -> str:
    for name, table in tables().items():
        block = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        assert block.search(readme), name
        readme = block.sub(lambda match, text=table: f"{match[1]}\n{text}\n\n{match[2]}", readme)
    return readme


def manifest_variables() -> list[dict[str, object]]:
    return [
        {
            "name": setting.name,
            "description": setting.meaning.replace("`", ""),
            "isRequired": False,
            "isSecret": setting.is_secret,
        }
        for setting in all_settings()
    ]


def test_the_tables_are_current(request: pytest.FixtureRequest) -> None:
    """Ours: `just golden` writes them, this test keeps them."""
    if request.config.getoption("--rewrite-golden"):
        README.write_text(filled(README.read_text("utf-8")), "utf-8")
    assert README.read_text("utf-8") == filled(README.read_text("utf-8"))


def test_the_readme_holds_exactly_the_two_commands_a_fresh_machine_needs() -> None:
    """Issue: one makes a video with no key, one runs the checks."""
    commands = re.findall(r"```sh\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    assert [command.strip() for command in commands] == [
        'pip install -q uv && uv run seedance-mcp create "a corgi surfing at dawn"',
        "pip install -q uv && uv run just check",
    ]
    assert (ROOT / ".ci" / "run").read_text("utf-8").strip().endswith("pip install -q uv && uv run just check")


def test_the_configuration_for_hosts_is_json_that_names_real_settings() -> None:
    """Ours: a snippet that does not parse costs somebody an evening."""
    (snippet,) = re.findall(r"```json\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    entry = json.loads(snippet)["mcpServers"]["seedance"]
    assert entry["command"] == "uv"
    assert set(entry["env"]) <= {setting.name for setting in all_settings()}


def test_the_manifest_lists_every_setting(request: pytest.FixtureRequest) -> None:
    """mcp.md §10: hosts build their settings page from it."""
    manifest = json.loads(MANIFEST.read_text("utf-8"))
    if request.config.getoption("--rewrite-golden"):
        manifest["packages"][0]["environmentVariables"] = manifest_variables()
        MANIFEST.write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", "utf-8")
    assert manifest["packages"][0]["environmentVariables"] == manifest_variables()


def test_the_manifest_is_valid() -> None:
    """mcp.md §10: server.json of the registry, schema 2025-12-11."""
    manifest = json.loads(MANIFEST.read_text("utf-8"))
    assert 1 <= len(manifest["description"]) <= 100
    assert f"mcp-name: {manifest['name']} " in README.read_text("utf-8")
    if not MANIFEST_SCHEMA.exists():
        pytest.skip("the registry's schema lies in ../shared, which is not here")
    schema = json.loads(MANIFEST_SCHEMA.read_text("utf-8"))
    errors = [error.message for error in Draft7Validator(schema).iter_errors(manifest)]  # pyright: ignore[reportUnknownMemberType]
    assert errors == []


def test_the_readme_is_no_manual() -> None:
    """style.md §3.1: at most 250 lines."""
    assert len(README.read_text("utf-8").splitlines()) <= 250
