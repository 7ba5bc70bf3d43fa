"""Providers in packages of their own, found by the entry point group `seedance_mcp.providers`."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from seedance_mcp.providers import PROVIDERS, all_providers
from seedance_mcp.providers.installed import installed_providers
from seedance_mcp.providers.spec import ProviderSpec

PLUGIN = Path(__file__).parent.parent / "plugin_package"
GROUP = "[seedance_mcp.providers]\n"
Install = Callable[[str, str], Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts entry points where installed packages are; nothing else is installed there."""
    monkeypatch.setattr(sys, "path", [*sys.path, str(PLUGIN), str(tmp_path)])

    def write(name: str, entry_points: str) -> Path:
        folder = tmp_path / f"{name}-1.0.dist-info"
        folder.mkdir()
        (folder / "entry_points.txt").write_text(entry_points, encoding="utf-8")
        return folder

    return write


def found() -> list[str]:
    return [spec.id for spec in installed_providers()]


def test_where_no_package_names_the_group_nothing_is_found() -> None:
    """Ours: the test run has none installed."""
    assert installed_providers() == []
    assert all_providers() == PROVIDERS


@pytest.mark.usefixtures("install")
def test_an_installed_provider_is_found_as_its_package_declares_it() -> None:
    """Issue: registered through the entry point group, without touching the package."""
    (spec,) = installed_providers()
    assert isinstance(spec, ProviderSpec)
    assert (spec.id, spec.key_variable) == ("example", "EXAMPLE_API_KEY")


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("gone = no_such_module:SPEC", "no_such_module:SPEC cannot be loaded: ModuleNotFoundError"),
        ("gone = seedance_example_provider:NOTHING", "NOTHING cannot be loaded: AttributeError"),
        ("wrong = seedance_example_provider:build_body", "build_body is not a ProviderSpec"),
        ("leaves = leaves_at_import:SPEC", "leaves_at_import:SPEC cannot be loaded: SystemExit"),
        ("breaks = breaks_at_import:SPEC", "breaks_at_import:SPEC cannot be loaded: ZeroDivisionError"),
        ("empty = empty:SPEC", "provider empty:SPEC names no model, or one without lengths or sizes"),
        ("no equals sign", "the providers of broken-1.0.dist-info cannot be read"),
    ],
)
def test_a_broken_package_is_left_out_with_a_log_line_and_the_others_are_found(
    install: Install, tmp_path: Path, caplog: pytest.LogCaptureFixture, entry: str, said: str
) -> None:
    """Ours: another package's fault must not stop this server."""
    (tmp_path / "leaves_at_import.py").write_text("raise SystemExit(3)\n")
    (tmp_path / "breaks_at_import.py").write_text("1 / 0\n")
    (tmp_path / "empty.py").write_text(
        "import dataclasses\nimport seedance_example_provider as one\nSPEC = dataclasses.replace(one.SPEC, models=())\n"
    )
    install("broken", f"{GROUP}{entry}\n")
    install("sound", f"{GROUP}again = seedance_example_provider:SPEC\n")
    assert found() == ["example", "example"]
    (message,) = caplog.messages
    assert said in message


def test_packages_of_other_groups_and_files_that_cannot_be_read_are_passed_by(
    install: Install, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Ours: whatever else is installed there is not our concern."""
    install("tool", "[console_scripts]\ntool = tool:main\n")
    install("bytes", "").joinpath("entry_points.txt").write_bytes(b"\xff\xfe[x]\n")
    (tmp_path / "folder-1.0.dist-info" / "entry_points.txt").mkdir(parents=True)
    (tmp_path / "dangling-1.0.dist-info").mkdir()
    (tmp_path / "dangling-1.0.dist-info" / "entry_points.txt").symlink_to(tmp_path / "nowhere")
    assert found() == ["example"]
    assert caplog.messages == []


def test_the_metadata_machinery_is_imported_only_where_a_package_names_the_group() -> None:
    """DESIGN §10: a start must stay fast; reading all metadata takes longer than everything else here."""
    code = (
        "import sys; from seedance_mcp.providers import all_providers; names = [spec.id for spec in all_providers()]; "
        "print('importlib.metadata' in sys.modules, 'example' in names)"
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=30, check=True
        ).stdout.split()
        for environment in ({}, {"PYTHONPATH": str(PLUGIN)})
    ]
    assert said == [["False", "False"], ["True", "True"]]


def test_an_id_that_is_taken_is_left_out_and_the_built_in_provider_stays(
    install: Install, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Ours: nobody may put another address behind a known name; of two packages the first one counts."""
    (tmp_path / "copies.py").write_text(
        "from dataclasses import replace\nfrom seedance_example_provider import SPEC\n"
        "KINOVI, DEMO, SECOND = (replace(SPEC, id=name, title='copy') for name in ('kinovi', 'demo', 'example'))\n"
    )
    install("z_copies", f"{GROUP}a = copies:KINOVI\nb = copies:DEMO\nc = copies:SECOND\n")
    # Not what is remembered of the first call, which the rest of the process uses.
    (*own, example) = all_providers.__wrapped__()
    assert tuple(own) == PROVIDERS
    assert (example.id, example.title) == ("example", "Example of an installed provider")
    assert caplog.messages == [
        f"an installed provider is left out: there is another one called {name}"
        for name in ("kinovi", "demo", "example")
    ]
