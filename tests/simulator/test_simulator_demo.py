import base64
import string
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from simulator_client import Clock, difference, picture, serving, video_frames

from seedance_mcp.simulator.app import Simulator
from seedance_mcp.simulator.faults import Fault
from seedance_mcp.simulator.pictures import draw_png

DEMO = ("demo",)
BODY: dict[str, object] = {
    "model": "seedance-2.0",
    "prompt": "a paper boat on a stream",
    "resolution": "480p",
    "aspect_ratio": "16:9",
    "duration": 4,
    "generate_audio": False,
}


async def _created(client: httpx.AsyncClient, **changes: object) -> str:
    answer = await client.post("/v1/videos", json={**BODY, **changes})
    assert answer.status_code == 200, answer.text
    video_id: str = answer.json()["id"]
    return video_id


async def _seen(client: httpx.AsyncClient, video_id: str) -> dict[str, Any]:
    answer = await client.get(f"/v1/videos/{video_id}")
    assert answer.status_code == 200, answer.text
    video: dict[str, Any] = answer.json()
    return video


async def _succeeded(client: httpx.AsyncClient, video_id: str) -> dict[str, Any]:
    """Asks until the render is done, which the clock does not decide."""
    with anyio.fail_after(20):
        while True:
            video = await _seen(client, video_id)
            if video["status"] == "succeeded":
                return video
            assert video["status"] == "running"
            assert video["progress"] < 100


async def test_a_video_is_made_without_a_key_and_its_progress_follows_the_time() -> None:
    """Ours: the demo's wire format; 5 s of video take 5 s."""
    clock = Clock()
    async with serving(Simulator(DEMO, clock=clock)) as client:
        del client.headers["authorization"]
        answer = await client.post("/v1/videos", json={**BODY, "duration": 5, "generate_audio": True})
        video_id = answer.json()["id"]
        seen: list[tuple[str, int]] = []
        for second in (0.0, 1.0, 2.5, 4.9):
            clock.now = 1_790_000_000.0 + second
            video = await _seen(client, video_id)
            assert sorted(video) == ["id", "progress", "status"]
            seen.append((video["status"], video["progress"]))
        clock.now += 0.2
        done = await _succeeded(client, video_id)
        content = await client.get(done["video_url"])
        last = await client.get(done["last_frame_url"])
    assert answer.json() == {"id": video_id, "status": "queued"}
    assert seen == [("queued", 0), ("running", 19), ("running", 47), ("running", 93)]
    assert done == {
        "id": video_id,
        "status": "succeeded",
        "progress": 100,
        "video_url": f"{client.base_url}/v1/videos/{video_id}/content",
        "last_frame_url": f"{client.base_url}/v1/videos/{video_id}/last-frame",
    }
    frames = video_frames(content.content)
    assert (len(frames), frames[0].width, frames[0].height) == (120, 864, 496)
    assert content.headers["content-type"] == "video/mp4"
    assert difference(picture(last.content), frames[-1]) <= 2


async def test_an_id_is_short_and_safe_in_a_url() -> None:
    """Ours."""
    async with serving(Simulator(DEMO)) as client:
        ids = [await _created(client) for _ in range(2)]
    assert len(set(ids)) == 2
    assert all(len(video_id) <= 48 for video_id in ids)
    assert set("".join(ids)) <= set(string.ascii_letters + string.digits + "._-~")


async def test_a_restarted_simulator_answers_for_videos_made_before(tmp_path: Path) -> None:
    """Ours: DESIGN §5, the id carries the request and the time it was made."""
    clock = Clock()
    near = base64.b64encode(draw_png("near", 864, 496)).decode()
    async with serving(Simulator(DEMO, clock=clock, cache_dir=tmp_path)) as client:
        video_id = await _created(
            client,
            first_frame="data:image/png;base64," + near,
            last_frame="https://example.com/far.png?a=1&b=%20",
            aspect_ratio="21:9",
        )
    clock.now += 3
    async with serving(Simulator(DEMO, clock=clock, cache_dir=tmp_path)) as client:
        running = await _seen(client, video_id)
        clock.now += 7
        done = await _succeeded(client, video_id)
        frames = video_frames((await client.get(done["video_url"])).content)
        again = await _created(client, first_frame="https://example.com/" + "x" * 700)
    assert (running["status"], running["progress"]) == ("running", 61)
    assert (len(frames), frames[0].width, frames[0].height) == (96, 992, 432)
    assert len(again) < 100
    async with serving(Simulator(DEMO, clock=clock)) as client:
        clock.now += 20
        assert (await _succeeded(client, again))["progress"] == 100


async def test_a_first_frame_inline_or_from_a_video_made_before_opens_the_next() -> None:
    """Ours: shots are chained by the URL of a last frame."""
    clock = Clock()
    still = draw_png("inline", 864, 496)
    async with serving(Simulator(DEMO, clock=clock)) as client:
        inline = "data:image/png;base64," + base64.b64encode(still).decode()
        one = await _created(client, first_frame=inline)
        clock.now += 10
        first = await _succeeded(client, one)
        two = await _created(client, first_frame=first["last_frame_url"])
        clock.now += 10
        second = await _succeeded(client, two)
        shots = [video_frames((await client.get(video["video_url"])).content) for video in (first, second)]
        last = picture((await client.get(first["last_frame_url"])).content)
    assert difference(shots[0][0], picture(still)) <= 3
    assert difference(shots[1][0], last) <= 3


@pytest.mark.parametrize("first_frame", ["data:image/png;base64,A", "data:image/png,%00", "data:image/png;base64,AAAA"])
async def test_an_unreadable_inline_picture_is_replaced_by_a_stand_in(first_frame: str) -> None:
    """Ours: a demo does not stop at a bad picture."""
    clock = Clock()
    async with serving(Simulator(DEMO, clock=clock)) as client:
        video_id = await _created(client, first_frame=first_frame)
        clock.now += 10
        assert (await _succeeded(client, video_id))["progress"] == 100


async def test_every_tampered_id_is_not_found() -> None:
    """Ours: nobody gets a video that was not ordered."""
    async with serving(Simulator(DEMO)) as client:
        video_id = await _created(client, first_frame="https://example.com/a.png")
        changed = [video_id[:at] + ("0" if video_id[at] != "0" else "1") + video_id[at + 1 :] for at in range(8, 60, 7)]
        answers = [await client.get(f"/v1/videos/{other}") for other in (*changed, "vid_1", "..", video_id + "0")]
        cancel = await client.post("/v1/videos/unknown/cancel")
    assert {answer.status_code for answer in (*answers[:-2], answers[-1], cancel)} == {404}
    assert cancel.json() == {"error": {"code": "not_found", "message": "There is no video of this id."}}


async def test_a_cancelled_video_stays_cancelled_and_has_no_content() -> None:
    """Ours."""
    clock = Clock()
    async with serving(Simulator(DEMO, clock=clock)) as client:
        one, two = await _created(client), await _created(client)
        early = await client.get(f"/v1/videos/{one}/content")
        clock.now += 2
        cancelled = await client.post(f"/v1/videos/{one}/cancel")
        clock.now += 60
        video = await _seen(client, one)
        content = await client.get(f"/v1/videos/{one}/last-frame")
        late = await client.post(f"/v1/videos/{two}/cancel")
    assert cancelled.json() == {"id": one, "status": "cancelled"}
    assert video == {"id": one, "status": "cancelled", "progress": 41}
    assert [(answer.status_code, answer.json()["error"]["code"]) for answer in (early, content)] == [
        (404, "not_ready"),
        (404, "not_ready"),
    ]
    assert (late.status_code, late.json()["error"]["code"]) == (400, "already_finished")


async def test_progress_slows_down_and_stays_below_100_while_a_render_is_late() -> None:
    """Ours: a picture that takes its time holds the render up."""
    clock = Clock()
    arrived = anyio.Event()

    async def fetch(_: str) -> bytes:
        arrived.set()
        clock.now += 50
        return b""

    async with serving(Simulator(DEMO, clock=clock, fetch=fetch)) as client:
        video_id = await _created(client, first_frame="https://example.com/slow.png")
        assert not arrived.is_set()
        first = await _seen(client, video_id)
        clock.now -= 40
        second = await _seen(client, video_id)
    assert arrived.is_set()
    assert first["status"] in {"queued", "running"}
    assert second["status"] in {"running", "succeeded"}
    assert 95 <= second["progress"] <= 100


async def test_a_failed_demo_says_why() -> None:
    """Ours: the demo can be told to fail like every other format."""
    simulator = Simulator(DEMO, run_s=0)
    simulator.faults.add(Fault(on="create", kind="task_fails", message="told to"), Fault(on="cancel", kind="status"))
    async with serving(simulator) as client:
        video = await _seen(client, await _created(client))
        told = await client.post("/v1/videos/any/cancel")
    assert video["status"] == "failed"
    assert video["error"] == {"code": "generation_failed", "message": "told to"}
    assert (told.status_code, told.json()["error"]["code"]) == (500, "status_500")


async def test_a_success_without_its_urls_can_be_had_from_the_demo_too() -> None:
    """Ours."""
    simulator = Simulator(DEMO, clock=Clock())
    simulator.faults.add(Fault(on="fetch", kind="unknown_status", word="dreaming"))
    async with serving(simulator) as client:
        video = await _seen(client, await _created(client))
    assert sorted(video) == ["id", "progress", "status"]
    assert video["status"] == "dreaming"


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"model": ""}, "model"),
        ({"prompt": None}, "prompt"),
        ({"duration": 3}, "duration"),
        ({"duration": "5"}, "duration"),
        ({"resolution": "2k"}, "resolution"),
        ({"aspect_ratio": "adaptive"}, "aspect_ratio"),
        ({"generate_audio": 1}, "generate_audio"),
        ({"first_frame": "photo.png"}, "first_frame"),
        ({"seed": 1.5}, "seed"),
        ({"watermark": True}, "watermark"),
    ],
)
async def test_an_invalid_order_is_refused(changes: dict[str, object], named: str, strict: httpx.AsyncClient) -> None:
    """Ours."""
    answer = await strict.post("/demo/v1/videos", json={**BODY, **changes})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_request")
    assert named in answer.json()["error"]["message"]


async def test_the_paths_work_under_the_formats_name_too() -> None:
    """Ours: formats whose paths collide can share a port."""
    simulator = Simulator(run_s=0)
    async with serving(simulator) as client:
        created = (await client.post("/demo/v1/videos", json=BODY)).json()
        client.base_url = client.base_url.join("/demo/")
        video = await _succeeded(client, created["id"])
        content = await client.get(video["video_url"])
    assert "/demo/v1/videos/" in video["video_url"]
    assert content.status_code == 200
    assert simulator.requests[0].path == "/demo/v1/videos"


async def test_the_demo_works_without_a_socket_and_remembers_no_more_than_it_should() -> None:
    """Ours: inside the server it is called in the server's own process."""
    simulator = Simulator(DEMO, run_s=0, keep_requests=2)
    transport = httpx.ASGITransport(app=simulator.asgi)
    async with httpx.AsyncClient(transport=transport, base_url="http://demo") as client:
        video = await _succeeded(client, await _created(client))
        content = await client.get(video["video_url"])
        last = await client.get(video["last_frame_url"])
    assert video["video_url"].startswith("http://demo/v1/videos/")
    assert difference(picture(last.content), video_frames(content.content)[-1]) <= 2
    assert [request.does for request in simulator.requests] == ["download", "download"]
