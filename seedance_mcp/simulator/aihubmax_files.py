"""AIHubMax's file upload, from the pages its catalogue is made of (providers.md §1.5).

A file is served where the answer says, for 72 hours; the host of real ones is not documented.
"""

import base64
import binascii
import mimetypes
import secrets
from email import message_from_bytes
from email.message import Message
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import quote, unquote_to_bytes, urlsplit

from starlette.responses import Response

from seedance_mcp.simulator.checks import Field, JsonObject, Problem, flag, problems_in, text, web_address
from seedance_mcp.simulator.wire import Call, Endpoint, RefusedError, Upload

_LIFE_S: Final = 72 * 3600
_NO_NAME: Final = "upload.bin"
_UNKNOWN: Final = "application/octet-stream"
_OPTIONS: Final = {"file_name": Field(text(at_least=1)), "auto_cleanup": Field(flag)}
_BASE64: Final = {"file_data": Field(text(at_least=1), required=True)} | _OPTIONS
_URL: Final = {"url": Field(web_address, required=True)} | _OPTIONS
_PARTS: Final = frozenset({"file", "file_name", "auto_cleanup"})


async def _stream(call: Call) -> JsonObject:
    parts = _parts(call)
    unknown = [Problem(name, "is not a known field") for name in parts if name not in _PARTS]
    if "file" not in parts or unknown:
        raise _invalid(*unknown or [Problem("file", "is required")])
    about, content = parts["file"]
    given = parts["file_name"][1].decode() if "file_name" in parts else about.get_filename()
    media_type = about.get_content_type() if "content-type" in about else None
    return _keep(call, content, given or _NO_NAME, media_type)


async def _base64(call: Call) -> JsonObject:
    _check(call.body, _BASE64)
    head, comma, data = call.body["file_data"].rpartition(",")
    media_type = head.removeprefix("data:").partition(";")[0] if comma else None
    try:
        content = base64.b64decode(unquote_to_bytes(data), validate=True)
    except binascii.Error:
        raise _invalid(Problem("file_data", "must be base64 or a data URL")) from None
    guessed = "upload" + (mimetypes.guess_extension(media_type or _UNKNOWN) or ".bin")
    return _keep(call, content, call.body.get("file_name", guessed), media_type)


async def _url(call: Call) -> JsonObject:
    _check(call.body, _URL)
    url: str = call.body["url"]
    content = await call.films.picture(url, call.origin)
    return _keep(call, content, call.body.get("file_name", PurePosixPath(urlsplit(url).path).name or _NO_NAME), None)


async def _read(call: Call) -> Response:
    upload = call.uploads.get(call.path["file_id"])
    if upload is None or call.tasks.clock() >= upload.created_s + _LIFE_S:
        raise RefusedError(404, "not_found")
    return Response(upload.content, media_type=upload.media_type)


def _keep(call: Call, content: bytes, name: str, media_type: str | None) -> JsonObject:
    file_id = "file-" + secrets.token_hex(8)
    now = call.tasks.clock()
    kind = media_type or mimetypes.guess_type(name)[0] or _UNKNOWN
    call.uploads[file_id] = Upload(content=content, media_type=kind, created_s=now)
    return {
        "id": file_id,
        "filename": name,
        "url": f"{call.origin}{call.prefix}/uploads/{file_id}/{quote(name, safe='')}",
        "size": len(content),
        "created": int(now),
    }


def _parts(call: Call) -> dict[str, tuple[Message, bytes]]:
    """The parts of a form by their names, each with its headers; nothing when it is no form."""
    header = Message()
    header["content-type"] = call.content_type
    boundary = header.get_boundary()
    if header.get_content_type() != "multipart/form-data" or boundary is None:
        raise RefusedError(400, "not_json", problems=[Problem("Content-Type", "must be multipart/form-data")])
    found: dict[str, tuple[Message, bytes]] = {}
    for piece in (b"\r\n" + call.raw).split(f"\r\n--{boundary}".encode())[1:-1]:
        head, _, content = piece.partition(b"\r\n\r\n")
        about = message_from_bytes(head.lstrip())
        found[str(about.get_param("name", "", "content-disposition"))] = (about, content)
    return found


def _check(body: JsonObject, fields: dict[str, Field]) -> None:
    problems = problems_in(body, fields)
    if problems:
        raise _invalid(*problems)


def _invalid(*problems: Problem) -> RefusedError:
    return RefusedError(400, "invalid", problems=problems)


FILE_ENDPOINTS: Final = (
    Endpoint(does="other", method="POST", path="/v1/files/upload/stream", answer=_stream),
    Endpoint(does="other", method="POST", path="/v1/files/upload/base64", answer=_base64, takes_json=True),
    Endpoint(does="other", method="POST", path="/v1/files/upload/url", answer=_url, takes_json=True),
    Endpoint(does="download", method="GET", path="/uploads/{file_id}/{name:path}", answer=_read, needs_key=False),
)
