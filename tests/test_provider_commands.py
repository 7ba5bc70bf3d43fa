"""`seedance-mcp providers` and `seedance-mcp upload`, inside this process, against a simulator on a real port."""

import gc
import io
import json
import logging
import os
import re
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
import httpx
import pytest
from anyio.from_thread import start_blocking_portal
from mcp import Client

from rig import SMALL, body_of, facts_of
from seedance_mcp.cli import main
from seedance_mcp.provider_commands import MAX_UPLOAD
from seedance_mcp.providers import DEMO, PROVIDERS
from seedance_mcp.server import Program
from seedance_mcp.settings import load_settings
from seedance_mcp.simulator.app import Simulator
from seedance_mcp.simulator.faults import Fault
from seedance_mcp.simulator.pictures import draw_png
from seedance_mcp.simulator.serving import serve

KEY = "sk-aihubmax-secret"
PNG = draw_png("upload", 64, 64)
SIMULATED = ("aihubmax",)
Capture = pytest.CaptureFixture[str]
pytestmark = pytest.mark.e2e


@pytest.fixture(autouse=True)
def _process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Generator[None]:
    """No provider is configured; `main` takes over the garbage collector and the root logger."""
    for spec in PROVIDERS:
        monkeypatch.delenv(str(spec.key_variable), raising=False)
    monkeypatch.setenv("SEEDANCE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("SEEDANCE_OUTPUT_DIR", str(tmp_path / "videos"))
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    gc.unfreeze()
    gc.enable()


@pytest.fixture
def aihubmax(monkeypatch: pytest.MonkeyPatch, rendered: Path) -> Generator[Simulator]:
    """The provider that takes files and tells its balance, configured; on a thread, because `main` has its own loop."""
    simulator = Simulator(SIMULATED, run_s=0.3, cache_dir=rendered)

    async def run(*, task_status: anyio.abc.TaskStatus[int]) -> None:
        await serve(simulator, started=task_status.started)

    with start_blocking_portal() as portal:
        serving, port = portal.start_task(run)
        monkeypatch.setenv("AIHUBMAX_API_KEY", KEY)
        monkeypatch.setenv("AIHUBMAX_BASE_URL", f"http://127.0.0.1:{port}")
        yield simulator
        serving.cancel()


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    file = tmp_path / "start.png"
    file.write_bytes(PNG)
    return file


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def rows(shown: str) -> list[tuple[str, str]]:
    """Provider and model of every row of the table."""
    cells = [re.split(r"\s*[│┃|]\s*", line.strip("│┃| ")) for line in shown.splitlines()]
    return [(row[0], row[1]) for row in cells if len(row) > 2 and row[1].startswith("seedance-")]


def test_the_table_shows_every_provider_and_model_and_marks_the_configured_ones(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """Issue: `seedance-mcp providers` in the shell."""
    monkeypatch.setenv("KINOVI_API_KEY", "k")
    monkeypatch.setenv("UNIALL_API_KEY", "k")
    assert main(["providers"]) == 0
    shown = capsys.readouterr()
    marked = {"kinovi": "kinovi *", "uniall": "uniall *"}
    expected = [(marked.get(spec.id, spec.id), model.model) for spec in (*PROVIDERS, DEMO) for model in spec.models]
    assert rows(shown.out) == expected
    assert "20 cr ($0.10)" in shown.out
    assert shown.err == ""


@pytest.mark.parametrize("width", [80, 159])
def test_a_narrow_terminal_shows_one_provider_below_the_other(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    """Ours: eight columns do not fit; no word is cut, and what the models share is said once."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("KINOVI_API_KEY", "k")
    assert main(["providers"]) == 0
    lines = [re.sub(r"\x1b\[\d*m", "", line).rstrip() for line in terminal.getvalue().splitlines()]
    at = lines.index("kinovi *")
    block = lines[at : lines.index("", at)]
    assert [line for line in lines if line in {spec.id for spec in (*PROVIDERS, DEMO)} | {"kinovi *"}] == [
        "kinovi *" if spec.id == "kinovi" else spec.id for spec in (*PROVIDERS, DEMO)
    ]
    assert "  models            seedance-2.0, seedance-2.0-fast" in block
    assert "  length            4 to 15 s" in block
    assert "  sizes             seedance-2.0: 480p 720p 1080p 4k" in block
    assert "                    seedance-2.0-fast: 480p 720p 4k" in block
    assert "…" not in terminal.getvalue()
    assert max(map(len, lines)) <= width


def test_a_wide_terminal_shows_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours: every id in full."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("COLUMNS", "160")
    assert main(["providers"]) == 0
    plain = re.sub(r"\x1b\[\d*m", "", terminal.getvalue())
    assert {name for name, _ in rows(plain)} >= {spec.id for spec in PROVIDERS}


def test_without_a_key_the_demo_is_what_is_marked(capsys: Capture) -> None:
    """DESIGN §5: the demo is used when no key variable is set."""
    assert main(["providers"]) == 0
    assert {name for name, _ in rows(capsys.readouterr().out) if "*" in name} == {"demo *"}


@pytest.mark.usefixtures("aihubmax")
def test_the_balance_is_what_the_provider_answers(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """Issue: AIHubMax's credits balance; providers.md §1.5 does not show the answer's form, so it is shown as it is."""
    monkeypatch.setenv("KINOVI_API_KEY", "k")
    assert main(["providers", "--balance"]) == 0
    (line,) = (line for line in capsys.readouterr().out.splitlines() if "answers:" in line)
    with httpx.Client(headers={"authorization": "Bearer k"}, trust_env=False) as client:
        answer = client.get(f"{os.environ['AIHUBMAX_BASE_URL']}/v1/account/credits")
    assert line == f"aihubmax answers: {answer.text}"


def test_a_balance_is_printed_letter_by_letter_without_the_key(aihubmax: Simulator, capsys: Capture) -> None:
    """Ours: square brackets and colons are no markup here, and no answer shows a key."""
    body = {"left": ["[red]", "[/b]", ":smile:", True], "key": KEY}
    aihubmax.faults.add(Fault(on="other", kind="status", status=200, body=body))
    assert main(["providers", "--balance"]) == 0
    out = capsys.readouterr().out
    assert json.dumps({**body, "key": "***"}, separators=(",", ":")) in out


def test_where_nobody_has_a_balance_the_command_says_so(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """Ours: four of five providers document no such question."""
    monkeypatch.setenv("KINOVI_API_KEY", "k")
    assert main(["providers", "--balance"]) == 0
    assert capsys.readouterr().out.endswith("No configured provider has a documented way to ask for its balance.\n")


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (401, 2, "Check AIHUBMAX_API_KEY where the server runs"),
        (429, 1, "aihubmax answered HTTP 429"),
        (500, 1, "aihubmax answered HTTP 500"),
    ],
)
def test_a_balance_that_is_not_told_is_one_line_after_the_table(
    aihubmax: Simulator, capsys: Capture, status: int, code: int, said: str
) -> None:
    """Ours: 2 where the operator must act, 1 where time must pass."""
    aihubmax.faults.add(Fault(on="other", kind="status", status=status))
    assert main(["providers", "--balance"]) == code
    shown = capsys.readouterr()
    assert said in shown.err
    assert shown.err.count("\n") == 1
    assert len(rows(shown.out)) > len(PROVIDERS)


def test_upload_prints_the_link_alone_and_the_link_works_as_a_first_frame(
    aihubmax: Simulator, capsys: Capture, picture: Path
) -> None:
    """Issue: optional file upload; providers.md §1.5: the file is kept 72 hours."""
    assert main(["upload", str(picture)]) == 0
    shown = capsys.readouterr()
    link = shown.out.removesuffix("\n")
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\S+/start\.png", link)
    assert shown.err == "aihubmax keeps it for 72 hours.\n"
    kept = httpx.get(link, trust_env=False)
    assert (kept.content, kept.headers["content-type"]) == (PNG, "image/png")
    task = anyio.run(_made_from, link)
    (create,) = (one for one in aihubmax.requests if one.does == "create")
    assert task["status"] == "succeeded"
    assert body_of(create)["image_url"] == link


async def _made_from(link: str) -> Any:
    with anyio.fail_after(30):
        async with Client(Program(load_settings()).mcp) as client:
            wish = {**SMALL, "first_frame": link, "wait_seconds": 25}
            return facts_of(await client.call_tool("create_video", wish))


@pytest.mark.parametrize(
    "name", ["ein schöner Anfang.png", 'quote".png', "中文.png", os.fsdecode(b"\xff.png")], ids=ascii
)
@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not have such file names")
def test_any_file_name_can_be_uploaded(aihubmax: Simulator, capsys: Capture, tmp_path: Path, name: str) -> None:
    """Ours: also one that is no text, as old disks have them."""
    (tmp_path / name).write_bytes(PNG)
    assert main(["upload", str(tmp_path / name), "--provider", "aihubmax"]) == 0
    assert httpx.get(capsys.readouterr().out.strip(), trust_env=False).content == PNG
    assert [one.status for one in aihubmax.requests] == [200, 200]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "has 0 bytes and is of no kind that a provider takes"),
        (b"#!/bin/sh\n", "has 10 bytes and is of no kind that a provider takes"),
        (b"\0\0\0\x20ftypheic", "of no kind that a provider takes"),
        (PNG, f"has {MAX_UPLOAD + 1} bytes and is image/png. Up to 30 MB"),
    ],
    ids=["empty", "a script", "HEIC", "too large"],
)
def test_a_file_that_no_provider_takes_is_refused_before_anything_is_sent(
    aihubmax: Simulator, capsys: Capture, picture: Path, content: bytes, said: str
) -> None:
    """DESIGN §7: by its bytes, and by its size; the name says nothing."""
    picture.write_bytes(content)
    if content == PNG:
        os.truncate(picture, MAX_UPLOAD + 1)
    _refuses(capsys, said, "upload", str(picture))
    assert aihubmax.requests == []


def test_a_path_without_a_readable_file_is_refused(aihubmax: Simulator, capsys: Capture, tmp_path: Path) -> None:
    """Ours: a device is not read to its end, which it may not have."""
    _refuses(capsys, "nothing.png cannot be read. Check the path", "upload", str(tmp_path / "nothing.png"))
    _refuses(capsys, "is not a file. Give the path of one picture", "upload", str(tmp_path))
    _refuses(capsys, "/dev/null is not a file", "upload", "/dev/null")
    assert aihubmax.requests == []


def test_without_a_provider_that_takes_files_the_command_names_one(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture, picture: Path
) -> None:
    """Ours: what was asked, what is true, what to do."""
    monkeypatch.setenv("KINOVI_API_KEY", "k")
    would = "; aihubmax (AIHUBMAX_API_KEY) would. Set its key, or put the file on the web."
    file = str(picture)
    _refuses(capsys, f"No configured provider takes files{would}", "upload", file)
    _refuses(capsys, f"kinovi takes no files{would}", "upload", file, "--provider", "kinovi")
    _refuses(capsys, f"oxen takes no files{would}", "upload", file, "--provider", "oxen")
    _refuses(capsys, "Set AIHUBMAX_API_KEY where the server runs", "upload", file, "--provider", "aihubmax")
    _refuses(capsys, "There is no provider 'nobody'. Known: ", "upload", file, "--provider", "nobody")


@pytest.mark.parametrize(
    ("status", "body", "code", "said"),
    [
        (200, {"id": "file-1"}, 1, "took the file, but its answer names no link"),
        (500, None, 1, "aihubmax answered HTTP 500"),
        (402, None, 1, "Add credits at AIHubMax.\n"),
        (422, {"error": {"message": "Too small.", "code": "invalid_file_type"}}, 2, "Too small. Change the request"),
    ],
)
def test_an_upload_that_the_provider_does_not_take_says_why(
    aihubmax: Simulator, capsys: Capture, picture: Path, status: int, body: Any, code: int, said: str
) -> None:
    """Provider: providers.md §1.5, its error bodies; 1 where the same may work later."""
    aihubmax.faults.add(Fault(on="other", kind="status", status=status, body=body))
    _refuses(capsys, said, "upload", str(picture), code=code)


def _refuses(capsys: Capture, said: str, *arguments: str, code: int = 2) -> None:
    """One line on stderr, nothing on stdout, where a link would be taken from."""
    capsys.readouterr()
    assert main(arguments) == code
    shown = capsys.readouterr()
    assert said in shown.err
    assert (shown.out, shown.err.count("\n")) == ("", 1)
