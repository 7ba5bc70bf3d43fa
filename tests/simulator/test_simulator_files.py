from pathlib import Path

import httpx
import pytest
from simulator_client import Clock, difference, picture, serving, video_frames

from seedance_mcp.simulator.app import Simulator
from seedance_mcp.simulator.faults import Fault
from seedance_mcp.simulator.pictures import draw_png, plate

CREATE, RECORD = "/api/v1/jobs/createTask", "/api/v1/jobs/recordInfo"


async def _result(client: httpx.AsyncClient, *frames: str) -> dict[str, str]:
    inputs = {"prompt": "rain", "duration": "4", "outputResolution": "480p", "generate_audio": False}
    if frames:
        inputs |= {"urls": list(frames)}
    created = (await client.post(CREATE, json={"model": "seedance-20", "inputs": inputs})).json()
    output: dict[str, str] = (await client.get(RECORD, params=created)).json()["output"][0]
    return output


async def test_a_video_has_a_length_and_can_be_had_in_parts_and_without_a_key() -> None:
    """Ours: what a download that is taken up again needs."""
    simulator = Simulator(run_s=0)
    async with serving(simulator) as client:
        url = (await _result(client))["url"]
        async with httpx.AsyncClient() as stranger:
            whole = await stranger.get(url)
            part = await stranger.get(url, headers={"range": "bytes=100-199"})
            rest = await stranger.get(url, headers={"range": f"bytes={len(whole.content) - 5}-"})
            head = await stranger.head(url)
            beyond = await stranger.get(url, headers={"range": f"bytes={len(whole.content)}-"})
    assert (whole.status_code, whole.headers["content-type"]) == (200, "video/mp4")
    assert int(whole.headers["content-length"]) == int(head.headers["content-length"]) == len(whole.content)
    assert (part.status_code, part.content) == (206, whole.content[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(whole.content)}"
    assert rest.content == whole.content[-5:]
    assert beyond.status_code == 416
    assert len(video_frames(whole.content)) == 96
    assert [request.has_authorization for request in simulator.requests] == [True, True, *[False] * 5]


async def test_a_file_is_there_only_once_its_task_has_succeeded() -> None:
    """Ours: guessing the address of a result is no way around waiting."""
    clock = Clock()
    async with serving(Simulator(clock=clock, run_s=10)) as client:
        created = (await client.post(CREATE, json={"model": "seedance-20", "inputs": {"prompt": "rain"}})).json()
        clock.now += 10
        url = (await client.get(RECORD, params=created)).json()["output"][0]["url"]
        clock.now -= 5
        wrong = [url, url.replace(".mp4", "_last.png"), url.replace(".mp4", ".gif"), url.replace("kinovi-", "kinovi-0")]
        answers = [(await client.get(address)).status_code for address in wrong]
        clock.now += 5
        answers.append((await client.get(url.replace(".mp4", ".gif"))).status_code)
    assert answers == [404] * 5


async def test_the_same_scene_is_rendered_once_and_kept_in_the_folder(tmp_path: Path) -> None:
    """Ours: tests that share a folder do not render again."""
    urls: list[str] = []
    videos: set[bytes] = set()
    for _ in range(2):
        async with serving(Simulator(run_s=0, cache_dir=tmp_path)) as client:
            output = await _result(client)
            urls.append(output["url"])
            videos |= {(await client.get(output["url"])).content for _ in range(2)}
            await client.get(output["lastFrameImage"])
    assert urls[0] != urls[1]
    assert len(videos) == 1
    assert sorted(file.suffix for file in tmp_path.iterdir()) == [".mp4", ".png"]


async def test_a_drawn_still_has_the_asked_size_and_a_colour_of_its_own(strict: httpx.AsyncClient) -> None:
    """Ours."""
    one, two, again = [
        (await strict.get(f"/frames/{name}.png", params={"width": 300, "height": 200})).content
        for name in ("one", "two", "one")
    ]
    default = picture((await strict.get("/frames/one.png")).content)
    assert (picture(one).width, picture(one).height) == (300, 200)
    assert (default.width, default.height) == (1280, 720)
    assert one == again
    assert difference(picture(one), picture(two)) > 10


@pytest.mark.parametrize("params", [{"width": "wide"}, {"height": "1"}, {"width": "9000"}])
async def test_a_still_of_an_impossible_size_is_refused(params: dict[str, str], strict: httpx.AsyncClient) -> None:
    """Ours."""
    assert (await strict.get("/frames/one.png", params=params)).status_code == 400


async def test_the_last_frame_of_one_video_can_open_the_next_on_the_same_host() -> None:
    """Ours: a chain of shots, and none of the simulator's own requests are faulted or recorded."""
    simulator = Simulator(run_s=0)
    async with serving(simulator) as client:
        first = await _result(client)
        second = await _result(client, first["lastFrameImage"])
        simulator.faults.add(Fault(on="download", kind="status", times=1))
        refused = await client.get(second["url"])
        video = await client.get(second["url"])
        still = await client.get(first["lastFrameImage"])
    assert (refused.status_code, video.status_code) == (500, 200)
    assert difference(video_frames(video.content)[0], picture(still.content)) <= 3
    assert [request.does for request in simulator.requests].count("download") == 3


async def test_pictures_from_elsewhere_come_through_the_given_fetch_or_a_stand_in() -> None:
    """Ours: a simulator works without a network."""
    asked: list[str] = []
    still = draw_png("elsewhere", 864, 496)

    async def fetch(url: str) -> bytes:
        asked.append(url)
        if url.endswith("broken.png"):
            raise OSError(url)
        return still

    async with serving(Simulator(run_s=0, fetch=fetch)) as client:
        urls = ["https://example.com/photo.png", "https://example.com/broken.png", f"{client.base_url}/frames/none"]
        firsts = [video_frames((await client.get((await _result(client, url))["url"])).content)[0] for url in urls]
    assert asked == urls[:2]
    assert difference(firsts[0], picture(still)) <= 3
    for shown, url in zip(firsts[1:], urls[1:], strict=True):
        stand_in = plate(picture(draw_png(url, 1280, 720)), (864, 496), (0, 0))
        assert difference(shown, stand_in) <= 3


async def test_a_video_removed_to_make_room_is_rendered_again(tmp_path: Path) -> None:
    """Ours."""
    async with serving(Simulator(run_s=0, cache_dir=tmp_path)) as client:
        url = (await _result(client))["url"]
        before = (await client.get(url)).content
        for file in tmp_path.iterdir():
            file.unlink()
        after = (await client.get(url)).content
    assert after == before
