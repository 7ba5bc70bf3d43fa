"""What a reviewer would ask for, asked by a test."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from seedance_mcp import __version__

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "seedance_mcp"
SOURCES = sorted(PACKAGE.rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
FILE_LINES, FUNCTION_LINES, TEST_FILE_LINES, PROVIDER_LINES = 300, 40, 400, 200
CATCH_ALLS = {"utils", "util", "helpers", "helper", "common", "misc", "base", "manager", "handler", "core"}
OTHER_WORDS = re.compile(r"\b(vendor|backend|jobs?)\b", re.IGNORECASE)
"""Words of other glossaries; ours are provider and task (DESIGN §2)."""
THEIR_WORDS = re.compile(r"/api/v1/jobs/|model vendor|Model vendor|every model vendor", re.IGNORECASE)


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_source_file_and_its_functions_stay_short(path: Path) -> None:
    """DESIGN §9: a file under 300 lines, a function under 40."""
    assert len(path.read_text("utf-8").splitlines()) < FILE_LINES
    for function in functions(path):
        lines = (function.end_lineno or 0) - function.lineno + 1
        assert lines < FUNCTION_LINES, f"{function.name} has {lines} lines"


def test_test_files_stay_readable() -> None:
    """style.md §3.1: at most 400 lines."""
    long = {str(path.relative_to(ROOT)): count for path in TESTS if (count := line_count(path)) > TEST_FILE_LINES}
    assert long == {}


def test_a_provider_file_is_data_and_a_few_functions() -> None:
    """DESIGN §9: under 200 lines."""
    shared = {"__init__", "spec", "client", "json_view"}
    files = [path for path in (PACKAGE / "providers").glob("*.py") if path.stem not in shared]
    assert files
    assert all(line_count(path) < PROVIDER_LINES for path in files)


def test_no_file_is_named_after_nothing() -> None:
    """DESIGN §9: no utils, helpers, common, manager."""
    assert [path for path in SOURCES if path.stem in CATCH_ALLS] == []


def test_no_provider_is_named_above_the_providers() -> None:
    """DESIGN §9: no provider's name appears above providers/; the demo is our own."""
    names = re.compile(r"kinovi|seedance2[._]ink|aihubmax|oxen|uniall", re.IGNORECASE)
    allowed = {"providers", "simulator"}
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in SOURCES
        if path.relative_to(PACKAGE).parts[0] not in allowed
        for match in names.finditer(code_of(path))
    ]
    assert found == []


def test_one_word_per_thing() -> None:
    """DESIGN §2: provider and task, in code and in what users read."""
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in SOURCES
        for line in path.read_text("utf-8").splitlines()
        if OTHER_WORDS.search(THEIR_WORDS.sub("", line))
    ]
    assert found == []


def test_one_version_everywhere() -> None:
    """mcp.md §10: a burnt version costs a release."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    server = (ROOT / "server.json").read_text("utf-8")
    (newest, *_) = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert project["project"]["version"] == __version__ == newest
    assert set(re.findall(r'"version": "([^"]+)"', server)) == {__version__}


def test_every_test_says_where_its_expectation_comes_from() -> None:
    """style.md §3.7: a docstring with its provenance."""
    silent = [
        f"{path.relative_to(ROOT)}: {function.name}"
        for path in TESTS
        for function in functions(path)
        if function.name.startswith("test_") and not ast.get_docstring(function)
    ]
    assert silent == []


def test_no_lock_file_is_tracked() -> None:
    """Ours: it records the host of a package index."""
    assert "uv.lock" in (ROOT / ".gitignore").read_text("utf-8").splitlines()


def line_count(path: Path) -> int:
    return len(path.read_text("utf-8").splitlines())


def code_of(path: Path) -> str:
    """The file without comments and docstrings."""
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
            and isinstance(node.body[0].value, ast.Constant)
        ):
            node.body[0].value = ast.Constant("")
    return ast.unparse(tree)
