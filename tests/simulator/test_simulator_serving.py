import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import anyio
import anyio.lowlevel
import httpx
import pytest
from simulator_client import serving

from seedance_mcp.simulator.app import Simulator
from seedance_mcp.simulator.faults import Fault
from seedance_mcp.simulator.films import Films
from seedance_mcp.simulator.frames import Frames
from seedance_mcp.simulator.render import StoppedError
from seedance_mcp.simulator.scene import Order
from seedance_mcp.simulator.serving import run_simulator, serve
from seedance_mcp.simulator.uniall import uniall

ORDER = Order(look=1, resolution="480p", aspect_ratio="16:9", seconds=4)


def test_importing_the_package_imports_nothing_heavy() -> None:
    """Ours: a server that never simulates must not pay for it."""
    code = (
        "import sys, seedance_mcp.simulator; heavy = {'av', 'starlette', 'uvicorn'} & set(sys.modules); "
        "import seedance_mcp.simulator.app; sys.exit(str(heavy | ({'av', 'uvicorn'} & set(sys.modules)) or ''))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert done.stderr.strip() == ""


async def test_the_command_announces_where_it_listens_and_stops_when_cancelled() -> None:
    """Ours: `seedance-mcp simulator`."""
    lines: list[str] = []
    requests: list[httpx.Response] = []
    announced = anyio.Event()

    def announce(line: str) -> None:
        lines.append(line)
        if "UNIALL" in line:
            announced.set()

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run_simulator, "127.0.0.1", 0, 0.0, announce)
            await announced.wait()
            async with httpx.AsyncClient() as client:
                requests.append(await client.get(lines[0].rpartition(" ")[2] + "/simulator/requests"))
            tasks.cancel_scope.cancel()
    url = lines[0].rpartition(" ")[2]
    assert [answer.json() for answer in requests] == [{"requests": []}]
    assert lines == [
        f"The simulator listens on {url}",
        *(
            f"{name}_BASE_URL={url} {name}_API_KEY=any-key"
            for name in ("AIHUBMAX", "OXEN", "SEEDANCE2_INK", "KINOVI", "UNIALL")
        ),
    ]
    with pytest.raises(OSError, match="connect"):
        await anyio.connect_tcp("127.0.0.1", int(url.rpartition(":")[2]))


async def test_an_ipv6_address_is_announced_in_brackets() -> None:
    """Ours."""
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    lines: list[str] = []
    with anyio.move_on_after(5) as scope:
        try:
            await run_simulator("::1", 0, 0.0, lambda line: (lines.append(line), scope.cancel())[0])
        except OSError:
            pytest.skip("this machine has no IPv6")
    assert lines[0].startswith("The simulator listens on http://[::1]:")


async def test_a_port_in_use_is_an_error() -> None:
    """Ours."""
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match=r"in use|only one usage"):
        await serve(Simulator(), port=taken.getsockname()[1])


async def test_a_simulator_speaks_only_the_formats_it_was_given() -> None:
    """Ours."""
    async with serving(Simulator(("kinovi",))) as client:
        statuses = [
            (await client.get("/api/v1/jobs/recordInfo")).status_code,
            (await client.get("/api/open/v1/models")).status_code,
            (await client.get("/v1/videos/x")).status_code,
        ]
    assert statuses == [400, 404, 404]


async def test_of_two_formats_with_one_path_the_demo_gives_way_and_then_the_later_one() -> None:
    """Ours: `GET /v1/videos/{id}` is the demo's and one provider's, and two providers can share a create."""
    plural = uniall("/v1/videos/generations")
    routes = ["/v1/videos/x", "/demo/v1/videos/x", "/uniall/v1/videos/x", "/v1/tasks/x", "/aihubmax/v1/tasks/x"]
    answered: list[list[str | None]] = []
    for formats in (None, ("demo",), ("demo", "kinovi"), (plural, "aihubmax"), ("aihubmax", plural)):
        simulator = Simulator() if formats is None else Simulator(formats)
        async with serving(simulator) as client:
            for route in routes:
                await client.get(route)
        by_path = {request.path: request.provider for request in simulator.requests}
        answered.append([by_path.get(route) for route in routes])
    assert answered == [
        ["uniall", "demo", "uniall", "aihubmax", "aihubmax"],
        ["demo", "demo", None, None, None],
        ["demo", "demo", None, None, None],
        ["uniall", None, "uniall", None, "aihubmax"],
        [None, None, "uniall", "aihubmax", "aihubmax"],
    ]


async def test_a_render_that_fails_says_so_once_and_is_tried_again(tmp_path: Path) -> None:
    """Ours: a full disk must not end a demo for good."""
    videos = _films(tmp_path)
    assert not await videos.begin(ORDER, "")
    shutil.rmtree(tmp_path)
    for thread in threading.enumerate():
        if thread.name == "render":
            thread.join()
    with pytest.raises(FileNotFoundError):
        await videos.begin(ORDER, "")
    assert await videos.video(ORDER, "") == next(tmp_path.glob("*.mp4"))


async def test_a_closed_simulator_renders_nothing(tmp_path: Path) -> None:
    """Ours: a process that ends does not wait for pictures."""
    videos = _films(tmp_path)
    videos.close()
    with pytest.raises(StoppedError), anyio.fail_after(5):
        await videos.video(ORDER, "")
    assert list(tmp_path.iterdir()) == []


async def test_old_videos_make_room_for_new_ones(tmp_path: Path) -> None:
    """Ours: a demo must not fill a disk."""
    videos = _films(tmp_path, kept_bytes=1)
    first = await videos.last_frame(ORDER, "")
    await videos.video(Order(look=2, resolution="480p", aspect_ratio="16:9", seconds=4), "")
    assert first.suffix == ".png"
    with anyio.fail_after(5):
        while first.exists():
            await anyio.lowlevel.checkpoint()
    assert len(list(tmp_path.iterdir())) == 1


def _films(folder: Path, kept_bytes: int = 1 << 30) -> Films:
    return Films(Frames(Simulator().asgi, None), folder, kept_bytes=kept_bytes)


async def test_an_answer_that_is_held_up_does_not_hold_up_the_end() -> None:
    """Ours: a stopped simulator is gone in a moment."""
    simulator = Simulator()
    simulator.faults.add(Fault(on="fetch", kind="slow", seconds=30))
    broken = anyio.Event()

    async def wait_for_an_answer(url: str) -> None:
        async with httpx.AsyncClient() as client:
            with pytest.raises(httpx.RemoteProtocolError):
                await client.get(f"{url}/v1/videos/any", timeout=30)
        broken.set()

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            async with serving(simulator) as client:
                tasks.start_soon(wait_for_an_answer, str(client.base_url))
                while not simulator.requests:
                    await anyio.lowlevel.checkpoint()
            await broken.wait()
