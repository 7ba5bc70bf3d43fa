import base64
from typing import Any

import httpx
import pytest
from simulator_client import Clock, difference, picture, serving, video_frames

from seedance_mcp.simulator.app import Simulator
from seedance_mcp.simulator.pictures import draw_png

UPLOAD = "/v1/files/upload"
ODD = bytes(range(256)) + b"\r\n--\r\n\n\r"
"""Everything a parser of forms could trip over."""


async def _kept(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    upload: dict[str, Any] = answer.json()
    assert sorted(upload) == ["created", "filename", "id", "size", "url"]
    return upload


async def test_a_streamed_file_is_kept_byte_by_byte_and_served_without_a_key(strict: httpx.AsyncClient) -> None:
    """Provider: providers.md §1.5, multipart `file`."""
    files = {"file": ("a photo/of me.png", ODD, "image/png")}
    upload = await _kept(await strict.post(f"{UPLOAD}/stream", files=files))
    request = strict.build_request("GET", upload["url"])
    del request.headers["authorization"]
    served = await strict.send(request)
    assert (upload["filename"], upload["size"], upload["created"]) == ("a photo/of me.png", len(ODD), 1_790_000_000)
    assert (served.content, served.headers["content-type"]) == (ODD, "image/png")


async def test_a_form_can_name_the_file_and_need_not_say_its_kind(strict: httpx.AsyncClient) -> None:
    """Provider: providers.md §1.5, optional `file_name` and `auto_cleanup`."""
    head = 'Content-Disposition: form-data; name="file"\r\n\r\nabc'
    name = 'Content-Disposition: form-data; name="file_name"\r\n\r\nclip.mp4'
    upload = await _kept(
        await strict.post(
            f"{UPLOAD}/stream",
            content=f"--xyz\r\n{head}\r\n--xyz\r\n{name}\r\n--xyz--\r\n",
            headers={"content-type": "multipart/form-data; boundary=xyz"},
        )
    )
    served = await strict.get(upload["url"])
    assert (upload["filename"], served.content, served.headers["content-type"]) == ("clip.mp4", b"abc", "video/mp4")


@pytest.mark.parametrize(
    ("data", "name", "filename", "media_type"),
    [
        (base64.b64encode(ODD).decode(), None, "upload.bin", "application/octet-stream"),
        ("data:image/png;base64," + base64.b64encode(ODD).decode(), None, "upload.png", "image/png"),
        (base64.b64encode(ODD).decode(), "a.webp", "a.webp", "image/webp"),
    ],
)
async def test_base64_may_be_plain_or_a_data_url(
    data: str, name: str | None, filename: str, media_type: str, strict: httpx.AsyncClient
) -> None:
    """Provider: providers.md §1.5, JSON `file_data`."""
    body = {"file_data": data, "auto_cleanup": True} | ({} if name is None else {"file_name": name})
    upload = await _kept(await strict.post(f"{UPLOAD}/base64", json=body))
    served = await strict.get(upload["url"])
    assert (upload["filename"], served.content) == (filename, ODD)
    assert served.headers["content-type"] == media_type


async def test_a_file_behind_a_url_is_fetched_and_can_be_a_start_frame_for_72_hours() -> None:
    """Provider: providers.md §1.5, JSON `url`; "files expire after 72 h"."""
    clock = Clock()
    async with serving(Simulator(clock=clock, run_s=0)) as client:
        still = f"{client.base_url}/frames/a.png?width=640&height=640"
        upload = await _kept(await client.post(f"{UPLOAD}/url", json={"url": still}))
        body = {
            "model": "seedance-2.0-image-to-video",
            "prompt": "rain",
            "image_url": upload["url"],
            "duration": 4,
            "resolution": "480p",
            "aspect_ratio": "1:1",
        }
        task_id = (await client.post("/v1/videos/generations", json=body)).json()["id"]
        task = (await client.get(f"/v1/tasks/{task_id}")).json()
        frames = video_frames((await client.get(task["results"][0]["url"])).content)
        clock.now += 72 * 3600
        late = await client.get(upload["url"])
    assert upload["filename"] == "a.png"
    assert difference(frames[0], picture(draw_png("a", 640, 640))) <= 3
    assert (late.status_code, late.json()["error"]["type"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("way", "body", "named"),
    [
        ("base64", {}, "file_data is required"),
        ("base64", {"file_data": "a photo"}, "must be base64"),
        ("base64", {"file_data": "AAAA", "purpose": "x"}, "purpose is not a known field"),
        ("url", {"url": "a.png"}, "url must be"),
        ("url", {"url": "https://example.com/a", "auto_cleanup": "no"}, "auto_cleanup"),
        ("url", [], "must be a JSON object"),
        ("stream", {}, "must be multipart/form-data"),
    ],
)
async def test_a_body_of_the_wrong_form_is_refused(
    way: str, body: object, named: str, strict: httpx.AsyncClient
) -> None:
    """Provider: providers.md §1.5, the three ways to upload and the error body."""
    answer = await strict.post(f"{UPLOAD}/{way}", json=body)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")
    assert named in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("part", "named"), [("image", "image is not a known field"), ("file_name", "file is required")]
)
async def test_a_form_without_its_file_is_refused(part: str, named: str, strict: httpx.AsyncClient) -> None:
    """Provider: providers.md §1.5, `file`."""
    answer = await strict.post(f"{UPLOAD}/stream", files={part: b"abc"})
    assert answer.status_code == 400
    assert named in answer.json()["error"]["message"]
