"""The commands beside `create`: as an operator sees them."""

import re
import socket
import subprocess
from collections.abc import Callable
from subprocess import PIPE

import httpx
import pytest
from raw_host import ANSWER_S, COMMAND, process_environment
from real_provider import Provider

from seedance_mcp import __version__
from seedance_mcp.cli import main
from seedance_mcp.providers import PROVIDERS
from seedance_mcp.simulator import serving

pytestmark = pytest.mark.e2e


def test_the_simulator_announces_its_address_and_speaks_the_providers_formats() -> None:
    """Issue: `seedance-mcp simulator --port …` starts it."""
    command = (*COMMAND, "simulator", "--port", "0", "--run-seconds", "0")
    with subprocess.Popen(command, env=process_environment({}), stdout=PIPE, stderr=PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            lines = [process.stderr.readline() for _ in range(1 + len(PROVIDERS))]
            url = lines[0].split()[-1]
            answer = httpx.get(f"{url}/simulator/requests", trust_env=False)
        finally:
            process.terminate()
        out, err = process.communicate(timeout=ANSWER_S)
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", url)
    ids = [spec.id.upper() for spec in PROVIDERS]
    assert sorted(lines[1:]) == sorted(f"{name}_BASE_URL={url} {name}_API_KEY=any-key\n" for name in ids)
    assert answer.json() == {"requests": []}
    assert (out, err) == ("", "")


def test_a_simulator_whose_port_is_taken_says_so_in_one_line() -> None:
    """Ours: no stack traces (DESIGN §3 Errors)."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = _run("simulator", "--port", str(port))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert f"--port {port}: Address already in use" in done.stderr
    assert "--port 0 takes a free one" in done.stderr


@pytest.mark.parametrize("command", [(), ("serve",), ("create", "a corgi")])
def test_a_setting_that_cannot_be_meant_ends_every_command_with_one_line(command: tuple[str, ...]) -> None:
    """Ours: an operator's mistake is named, with what to do."""
    done = _run(*command, SEEDANCE_DAILY_BUDGET_USD="abc")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("seedance-mcp: SEEDANCE_DAILY_BUDGET_USD is an amount in US dollars")


def test_the_help_names_every_command() -> None:
    """Ours."""
    done = _run("--help")
    assert (done.returncode, done.stderr) == (0, "")
    for word in ("serve", "create", "simulator", "stdio"):
        assert word in done.stdout


@pytest.mark.usefixtures("command")
def test_a_port_that_is_taken_or_none_at_all_is_refused_inside_this_process_too(
    provider: Provider, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ours: 1 for what the machine refuses, 2 for what cannot be meant."""
    taken = provider.url.rpartition(":")[2]
    assert main(["simulator", "--port", taken]) == 1
    assert f"--port {taken}: Address already in use" in capsys.readouterr().err
    with pytest.raises(SystemExit) as left:
        main(["simulator", "--port", "99999"])
    assert left.value.code == 2
    assert "a port is a number from 0 to 65535; '99999' was given" in capsys.readouterr().err


@pytest.mark.usefixtures("command")
def test_a_simulator_serves_until_it_is_interrupted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ours: Ctrl-C is how one stops it."""

    async def run(host: str, port: int, run_s: float, announce: Callable[[str], None]) -> None:
        announce(f"{host} {port} {run_s}")
        raise KeyboardInterrupt

    monkeypatch.setattr(serving, "run_simulator", run)
    assert main(["simulator", "--run-seconds", "2"]) == 130
    assert capsys.readouterr() == ("", "127.0.0.1 8700 2.0\n")


@pytest.mark.usefixtures("command")
def test_a_bad_setting_is_exit_code_2(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Ours: the same inside this process."""
    monkeypatch.setenv("SEEDANCE_LOG_LEVEL", "LOUD")
    assert main([]) == 2
    assert capsys.readouterr().err.startswith("seedance-mcp: SEEDANCE_LOG_LEVEL is one of DEBUG, INFO")


@pytest.mark.usefixtures("command")
def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    """Ours."""
    with pytest.raises(SystemExit) as left:
        main(["--version"])
    assert (left.value.code, capsys.readouterr().out) == (0, f"seedance-mcp {__version__}\n")


def _run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (*COMMAND, *arguments),
        env=process_environment(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=ANSWER_S,
        check=False,
    )
