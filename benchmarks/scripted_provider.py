"""A provider that answers at once, in the form that Kinovi documents, and knows when each of its videos is made.

Nothing is rendered and nothing is checked: what is measured is the server in front of it. Every video is the same
small MP4. It can be asked in this process (`transport`) and over a socket (`asgi`).
"""

# PyAV's stubs leave a parameter of Packet open.
# pyright: reportUnknownMemberType=false

import io
import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qs

import av
import httpx
from av.video.frame import VideoFrame

PROVIDER = "kinovi"
CREATE = "/api/v1/jobs/createTask"
FETCH = "/api/v1/jobs/recordInfo"
FILES = "/files/"
PROMPT = "shot "
"""A prompt is this and the number of the video."""

_Message = MutableMapping[str, Any]


@dataclass(slots=True)
class Made:
    """One video at the provider. Times are Unix seconds."""

    accepted_at: float
    ends_at: float
    looks_at: list[float] = field(default_factory=list[float])
    """When it was asked for, as far as it was not known to be made."""
    noticed_at: float | None = None
    """When the answer first said that it is made."""


@dataclass(kw_only=True)
class ScriptedProvider:
    """`takes_s` says how long the video of this number takes."""

    now: Callable[[], float]
    takes_s: Callable[[int], float]
    address: str
    """Where it seems to be."""
    creates: int = 0
    noticed: int = 0
    made: dict[int, Made] = field(default_factory=dict[int, Made])

    @property
    def transport(self) -> httpx.AsyncBaseTransport:
        """What stands where the network would be."""

        def answer(request: httpx.Request) -> httpx.Response:
            kind, body = self.answer(request.url.path, request.url.query, request.content)
            return httpx.Response(200, headers={"content-type": kind}, content=body)

        return httpx.MockTransport(answer)

    async def asgi(
        self,
        scope: Mapping[str, Any],
        receive: Callable[[], Awaitable[_Message]],
        send: Callable[[_Message], Awaitable[None]],
    ) -> None:
        """The same over a socket."""
        content, goes_on = b"", True
        while goes_on:
            message = await receive()
            content += message.get("body", b"")
            goes_on = message.get("more_body", False)
        kind, body = self.answer(scope["path"], scope["query_string"], content)
        headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def answer(self, path: str, query: bytes, content: bytes) -> tuple[str, bytes]:
        """Media type and body."""
        if path.startswith(FILES):
            return "video/mp4", small_mp4()
        said = self._create(content) if path == CREATE else self._fetch(parse_qs(query.decode())["taskId"][0])
        return "application/json", json.dumps(said).encode()

    def _create(self, content: bytes) -> Mapping[str, object]:
        number = int(json.loads(content)["inputs"]["prompt"].removeprefix(PROMPT))
        now = self.now()
        self.creates += 1
        self.made[number] = Made(accepted_at=now, ends_at=now + self.takes_s(number))
        return {"taskId": str(number)}

    def _fetch(self, task_id: str) -> Mapping[str, object]:
        made, now = self.made[int(task_id)], self.now()
        if made.noticed_at is None:
            made.looks_at.append(now)
        said = {"taskId": task_id, "model": "seedance-20", "createTime": round(made.accepted_at * 1000)}
        if now < made.ends_at:
            return said | {"status": "generating", "output": None, "error": None}
        if made.noticed_at is None:
            made.noticed_at = now
            self.noticed += 1
        video = {"url": f"{self.address}{FILES}{task_id}.mp4", "mediaType": "video/mp4"}
        return said | {"status": "success", "creditsUsed": 80, "output": [video], "error": None}


@cache
def small_mp4() -> bytes:
    """A second of H.264, all grey."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("h264", rate=5)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(5):
            frame = VideoFrame(64, 48, "yuv420p")
            for plane in frame.planes:
                plane.update(bytes([128]) * plane.buffer_size)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return file.getvalue()
