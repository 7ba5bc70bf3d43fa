"""No key ever leaves: not in a log line, an error, a result or a stored row."""

import json
import logging
from collections.abc import Generator

import pytest
from pydantic import SecretStr

from rig import KEYS, SMALL, Rig
from seedance_mcp.logs import REMOVED, KeepSecrets, set_up_logs


@pytest.fixture
def restored_root_logger() -> Generator[None]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before


async def test_no_key_is_in_any_answer_error_log_line_or_stored_byte(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    """DESIGN §7: keys are removed from every log line, error and stored row, even when a provider echoes them."""
    caplog.set_level(logging.DEBUG)
    seen: list[str] = []
    async with rig.client() as client:
        for provider in ("kinovi", "seedance2_ink"):
            words = f"bad key {KEYS[f'{provider.upper()}_API_KEY']}"
            echo = {"message": words, "success": False, "error": {"code": words, "message": words}}
            for status in (401, 400, 500, 402):
                rig.break_next(on="create", kind="status", status=status, body=echo)
                wish = {**SMALL, "provider": provider, "label": f"{status}", "wait_seconds": 5}
                seen.append((await client.call_tool("create_video", wish)).model_dump_json())
            rig.break_next(on="create", kind="task_fails", message=words)
            wish = {**SMALL, "provider": provider, "label": "fails", "wait_seconds": 300}
            seen.append((await client.call_tool("create_video", wish)).model_dump_json())
        seen.append((await client.call_tool("list_tasks", {"limit": 50})).model_dump_json())
    stored = b"".join(path.read_bytes() for path in (rig.folder / "data").rglob("*") if path.is_file())
    for key in KEYS.values():
        assert key not in caplog.text
        assert key not in "".join(seen)
        assert key.encode() not in stored
    assert REMOVED in "".join(seen)


def test_a_key_is_removed_from_messages_arguments_and_tracebacks() -> None:
    """Ours: whatever a library logs, the formatter has the last word."""
    formatter = KeepSecrets([SecretStr("sk-secret")])
    with pytest.raises(ValueError, match="sk-secret") as caught:
        int("sk-secret in an exception")
    record = logging.makeLogRecord(
        {"msg": "key %s", "args": ("sk-secret",), "exc_info": (caught.type, caught.value, caught.tb)}
    )
    line = formatter.format(record)
    assert "sk-secret" not in line
    assert "in an exception" in line


@pytest.mark.usefixtures("restored_root_logger")
def test_logs_go_to_stderr_in_our_own_format(capsys: pytest.CaptureFixture[str]) -> None:
    """peers.md: nothing on stdout but protocol."""
    set_up_logs("INFO", [SecretStr("sk-secret")])
    logging.getLogger("seedance_mcp").info("using sk-secret")
    logging.getLogger("httpx").info("HTTP Request: https://…")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.strip().endswith("INFO seedance_mcp: using ***")


def test_a_key_does_not_show_in_a_printed_setting() -> None:
    """DESIGN §7: keys live in SecretStr."""
    assert "sk-secret" not in json.dumps(str(SecretStr("sk-secret")))
