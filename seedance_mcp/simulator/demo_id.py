"""Ids of demo videos, which carry the whole request and the time it was made.

`start.shape.look.nonce[.frame][.frame].check`, all of it safe in a URL: start in milliseconds and look in base 36;
shape one character each for seconds, resolution, ratio and sound; a frame is `f` (first) or `l` (last) and its URL in
base64url.
"""

import base64
import hashlib
import re
import secrets
from typing import Final

from seedance_mcp.simulator.scene import ASPECT_RATIOS, RESOLUTIONS, Order

_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_ID: Final = re.compile(
    r"(?P<start>[0-9a-z]+)\.(?P<shape>[4-9a-f][0-3][0-5][01])\.(?P<look>[0-9a-z]+)\.[0-9a-f]+"
    r"(?:\.(?P<first>f[\w-]+))?(?:\.(?P<last>l[\w-]+))?",
    re.ASCII,
)


def encode_id(order: Order, start_s: float) -> str:
    shape = (
        _DIGITS[order.seconds],
        _DIGITS[RESOLUTIONS.index(order.resolution)],
        _DIGITS[ASPECT_RATIOS.index(order.aspect_ratio)],
        _DIGITS[order.audio],
    )
    parts = [_base36(round(start_s * 1000)), "".join(shape), _base36(order.look), secrets.token_hex(2)]
    for mark, url in (("f", order.first_frame), ("l", order.last_frame)):
        if url is not None:
            parts.append(mark + _pack(url))
    payload = ".".join(parts)
    return f"{payload}.{_check(payload)}"


def decode_id(task_id: str) -> tuple[Order, float] | None:
    """The request and its time, or None when this is no id that was given out."""
    payload, _, check = task_id.rpartition(".")
    found = _ID.fullmatch(payload)
    if found is None or check != _check(payload):
        return None
    seconds, resolution, ratio, audio = (int(character, 36) for character in found["shape"])
    order = Order(
        look=int(found["look"], 36),
        resolution=RESOLUTIONS[resolution],
        aspect_ratio=ASPECT_RATIOS[ratio],
        seconds=seconds,
        audio=bool(audio),
        first_frame=_frame(found["first"]),
        last_frame=_frame(found["last"]),
    )
    return order, int(found["start"], 36) / 1000


def _frame(part: str | None) -> str | None:
    return None if part is None else _unpack(part[1:])


def _check(payload: str) -> str:
    return hashlib.sha256(f"demo {payload}".encode()).hexdigest()[:8]


def _base36(value: int) -> str:
    digits = ""
    while value > 0:
        value, digit = divmod(value, 36)
        digits = _DIGITS[digit] + digits
    return digits or "0"


def _pack(url: str) -> str:
    return base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")


def _unpack(packed: str) -> str:
    return base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)).decode()
