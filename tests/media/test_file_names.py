"""Names of video files."""

import unicodedata
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedance_mcp.media.file_names import MAX_NAME_BYTES, file_name

DAY = datetime(2026, 11, 20, 23, 59, tzinfo=UTC)
TASK = "vt_7q2mk4xw9d"
RESERVED = set('<>:"/\\|?*')


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("corgi surfing", "corgi surfing "),
        ("A corgi surfing at sunset, slow motion, 35 mm film", "A corgi surfing at sunset slow "),
        ("", ""),
        ("   \n\t ", ""),
        ("🌊🌊🌊", ""),
        ("👩‍👩‍👧 at the beach ☀️", "at the beach "),
        ("CON", "CON "),
        ("../../etc/passwd", "etc passwd "),
        ('a<b>c:d"e/f', "a b c d e f "),
        ("what is this?...", "what is this "),
        ("e\u0301te\u0301 - Saint-Tropez, l'heure", "\u00e9t\u00e9 Saint-Tropez l'heure "),
        ("नमस्ते दुनिया", "नमस्ते दुनिया "),
        ("می\u200cخواهم", "میخواهم "),  # noqa: RUF001  (Persian)
        ("\ud83d broken", "broken "),
        ("right\u202eleft", "right left "),
        ("@Image1 walks", "Image1 walks "),
        ("x" * 300, "x" * 48 + " "),
        ("一只柯基犬" * 20, "一只柯基犬" * 6 + " "),
        ("Donaudampfschifffahrtsgesellschaft fährt los bald", "Donaudampfschifffahrtsgesellschaft fährt los "),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_a_name_is_the_date_a_few_words_and_the_task(text: str, words: str) -> None:
    """Ours: a name that a person understands in a folder of a hundred videos."""
    assert file_name(DAY, text, TASK) == f"2026-11-20 {words}{TASK}.mp4"


def test_a_task_id_cannot_lead_out_of_the_folder() -> None:
    """Ours: ids are our own today; the name must be safe with any."""
    assert file_name(DAY, "", "../../x" + "y" * 99) == "2026-11-20 x" + "y" * 31 + ".mp4"


@given(st.datetimes(), st.text(), st.text())
def test_every_name_is_accepted_by_every_file_system(created_at: datetime, text: str, task_id: str) -> None:
    """Ours: Windows, macOS and Linux, and whatever a video is copied to later."""
    name = file_name(created_at, text, task_id)

    assert len(name.encode()) <= MAX_NAME_BYTES
    assert unicodedata.is_normalized("NFC", name)
    assert not RESERVED & set(name)
    assert name.isprintable()
    assert name.endswith(".mp4")
    assert name[:10] == created_at.date().isoformat()
    stem = name.removesuffix(".mp4")
    assert stem == stem.strip(" .")
    assert "  " not in name


@given(st.text(), st.text())
def test_two_tasks_never_share_a_name(text: str, other: str) -> None:
    """Ours: the id is whole in the name, whatever the prompt is."""
    assert file_name(DAY, text, "vt_1") != file_name(DAY, other, "vt_2")
