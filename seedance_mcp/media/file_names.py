"""Names of video files: understood by a person, accepted by every file system."""

import re
import unicodedata
from datetime import datetime

MAX_NAME_BYTES = 120
_MAX_WORDS = 6
_MAX_TEXT_CHARACTERS = 48
# They only choose how their neighbours look; a space in their place would break a word.
_INVISIBLE = re.compile("[\u200b-\u200f\u2060\ufe00-\ufe0f\ufeff\U000e0100-\U000e01ef]")


def file_name(created_at: datetime, text: str, task_id: str) -> str:
    """The name of a task's video, like `2026-11-20 corgi surfing vt_7q2mk4xw9d.mp4`.

    It begins with the date, so it is never a device name of Windows (CON, NUL, ...), and sorts by age.

    Args:
        created_at: Its date is used as it stands; convert it to the user's zone before.
        text: The label or the prompt; a few first words of it are used.
        task_id: Ours; it keeps two names apart.
    """
    date, identity = created_at.date().isoformat(), re.sub(r"[^A-Za-z0-9_-]", "", task_id)[:32]
    room = MAX_NAME_BYTES - len(f"{date}  {identity}.mp4")
    return " ".join(filter(None, (date, _first_words(text, room), identity))) + ".mp4"


def _first_words(text: str, max_bytes: int) -> str:
    visible = _INVISIBLE.sub("", unicodedata.normalize("NFC", text[:1000]))
    safe = unicodedata.normalize("NFC", "".join(map(_letter_or_space, visible)))
    words = [word for word in safe.split() if any(map(str.isalnum, word))]
    line = " ".join(words[:_MAX_WORDS])
    short = line[:_MAX_TEXT_CHARACTERS].encode()[:max_bytes].decode(errors="ignore")
    if short != line and line[len(short)] != " ":
        # A text without spaces (Chinese, a long link) is cut inside its first word.
        short = short.rpartition(" ")[0] or short
    return short.strip()


def _letter_or_space(character: str) -> str:
    is_kept = unicodedata.category(character)[0] in "LMN" or character in "-_'\u2019"
    return character if is_kept else " "
