"""The public address: which tasks its callers reach, what they cannot do, and the secret behind it."""

import json
import logging
import stat
import sys
import threading
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import anyio
import httpx
import pytest
from starlette.types import ASGIApp

from rig import SMALL, Rig, body_of, error_of, facts_of
from seedance_mcp.domain.errors import SetupError, StoreError
from seedance_mcp.domain.video import VideoRequest
from seedance_mcp.http import asgi_transport
from seedance_mcp.providers import PROVIDERS
from seedance_mcp.providers.json_view import JsonView
from seedance_mcp.providers.spec import ProviderSpec
from seedance_mcp.public import KEY_FILE, MOST_AT_ONCE, SEEN_TO_AFTER_S, Callbacks, Tokens, shared_secret
from seedance_mcp.settings import PublicAddress, load_settings
from seedance_mcp.tasks.catalogue import Catalogue
from seedance_mcp.tasks.order import Order
from seedance_mcp.tasks.service import VideoTasks

READERS = 8
URL_FIELDS = {"seedance2_ink": "webhookUrl", "kinovi": "callBackUrl"}


@pytest.fixture
def public() -> dict[str, str]:
    """A public address on a port that cannot be had, because it is not this machine's."""
    return {"SEEDANCE_PUBLIC_URL": "https://example.com/hooks", "SEEDANCE_PUBLIC_LISTEN": "192.0.2.1:8787"}


async def test_without_a_public_address_no_url_is_given_away(rig: Rig) -> None:
    """Ours: the golden bodies stay as they are."""
    async with rig.client() as client:
        for name in URL_FIELDS:
            await client.call_tool("create_video", {**SMALL, "provider": name, "wait_seconds": 0})
        await rig.clock.sleep(0.1)
    assert [set(body_of(one)) & set(URL_FIELDS.values()) for one in rig.creates] == [set(), set()]
    assert not (rig.folder / "data" / KEY_FILE).exists()


async def test_a_provider_that_repeats_the_url_in_its_refusal_does_not_give_it_away(
    rig: Rig, public: dict[str, str]
) -> None:
    """Ours: its words reach the model, the URL in them does not."""
    inner = asgi_transport(rig.simulator.asgi)

    async def refuse(request: httpx.Request) -> httpx.Response:
        if request.method != "POST":
            return await inner.handle_async_request(request)
        url = json.loads(await request.aread())["callBackUrl"]
        return httpx.Response(400, json={"message": f"callBackUrl {url} is not reachable"})

    rig.transports["kinovi"] = httpx.MockTransport(refuse)
    rig.environment |= public
    async with rig.client() as client:
        refused = await client.call_tool("create_video", {**SMALL, "provider": "kinovi", "wait_seconds": 5})
    assert "callBackUrl (callback URL) is not reachable" in error_of(refused)["message"]
    assert "/callback/" not in refused.model_dump_json()


async def test_a_damaged_secret_costs_the_callbacks_and_no_video(
    rig: Rig, public: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """DESIGN §1: callbacks are an extra; what is under way is still followed and saved."""
    (rig.folder / "data").mkdir()
    (rig.folder / "data" / KEY_FILE).write_bytes(b"short")
    rig.environment |= public
    async with rig.client() as client:
        made = await client.call_tool("create_video", {**SMALL, "provider": "kinovi", "wait_seconds": 600})
    assert facts_of(made)["status"] == "succeeded"
    assert "callBackUrl" not in body_of(rig.creates[0])
    assert f"{KEY_FILE} is damaged. Delete it" in caplog.text


@dataclass(frozen=True, slots=True)
class Inside:
    """An engine in this process, and the way to its callbacks."""

    tasks: VideoTasks
    app: ASGIApp
    tokens: Tokens

    async def call(self, task_id: str, body: bytes = b"{}") -> int:
        url = f"http://127.0.0.1/callback/{self.tokens.token('local', task_id)}"
        answer = await asgi_transport(self.app).handle_async_request(httpx.Request("POST", url, content=body))
        return answer.status_code


@asynccontextmanager
async def inside(rig: Rig, known: Sequence[ProviderSpec] = PROVIDERS) -> AsyncGenerator[Inside]:
    tokens = Tokens(shared_secret(rig.folder / "data"))
    async with rig.program().running() as app, anyio.create_task_group() as group:
        tasks = await app.tasks()
        callbacks = Callbacks(tasks, tokens, Catalogue([], known), rig.clock)
        group.start_soon(callbacks.run)
        await rig.clock.sleep(0)
        yield Inside(tasks, callbacks.app(""), tokens)
        group.cancel_scope.cancel()


async def test_a_call_for_a_task_that_is_no_longer_there_is_taken_and_forgotten(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    """Ours: somebody emptied the folder by hand; the provider need not try again."""
    async with inside(rig) as engine:
        status = await engine.call("vt_gone")
        await rig.clock.sleep(sum(SEEN_TO_AFTER_S) + 1)
    assert status == 200
    assert not caplog.records


async def test_only_so_many_calls_are_seen_to_at_once(rig: Rig) -> None:
    """Ours: a provider that floods us is asked to come again; a call that was taken before is no new one."""
    inner, answered = asgi_transport(rig.simulator.asgi), anyio.Event()

    async def keep_waiting(request: httpx.Request) -> httpx.Response:
        await answered.wait()
        return await inner.handle_async_request(request)

    rig.transports["kinovi"] = httpx.MockTransport(keep_waiting)
    async with inside(rig) as engine:
        order = Order(owner="local", request=VideoRequest(prompt="a corgi", provider="kinovi"))
        task_id = (await engine.tasks.create(order)).task_id
        await rig.clock.sleep(0.1)
        taken = {await engine.call(task_id, b"%d" % number) for number in range(MOST_AT_ONCE)}
        again, more = await engine.call(task_id, b"7"), await engine.call(task_id, b"more")
        answered.set()
        await rig.clock.sleep(sum(SEEN_TO_AFTER_S) + 1)
        later = await engine.call(task_id, b"more")
    assert (taken, again, more, later) == ({200}, 200, 503, 200)


async def test_a_provider_whose_own_code_fails_at_a_body_is_logged_and_stops_nothing(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    """Ours: providers of other packages bring code of their own."""

    def fail(_: JsonView) -> str | None:
        raise ZeroDivisionError

    async with inside(rig, [replace(spec, parse_callback=fail) for spec in PROVIDERS]) as engine:
        task_id = (await engine.tasks.create(Order(owner="local", request=VideoRequest(prompt="a corgi")))).task_id
        statuses = [await engine.call(task_id), await engine.call("vt_gone"), await engine.call(task_id, b"not JSON")]
        await rig.clock.sleep(sum(SEEN_TO_AFTER_S) + 1)
        ended = await engine.tasks.get("local", task_id)
    assert statuses == [200, 200, 200]
    assert [one.getMessage() for one in caplog.records if one.levelno >= logging.ERROR] == [
        f"task {task_id}: its callback failed"
    ]
    assert ended.status == "succeeded"


def test_processes_that_start_at_one_moment_share_one_secret(tmp_path: Path) -> None:
    """Ours: two secrets in one folder, and one process's callbacks would be strangers to the other."""
    for number in range(20):
        folder, found = tmp_path / str(number), list[bytes]()
        start = threading.Barrier(READERS)

        def read(folder: Path = folder, found: list[bytes] = found, start: threading.Barrier = start) -> None:
            start.wait()
            found.append(shared_secret(folder))

        readers = [threading.Thread(target=read) for _ in range(READERS)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        assert len(found) == READERS
        assert len(set(found)) == 1
        assert [one.name for one in folder.iterdir()] == [KEY_FILE]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_the_secret_is_for_its_user_alone(tmp_path: Path) -> None:
    """DESIGN §7: who can read it can name any task."""
    first, second = shared_secret(tmp_path / "a"), shared_secret(tmp_path / "b")
    assert first != second
    assert stat.S_IMODE((tmp_path / "a" / KEY_FILE).stat().st_mode) == 0o600


def test_a_secret_that_cannot_be_kept_is_a_store_error(tmp_path: Path) -> None:
    """Ours: the text names the file."""
    (tmp_path / "data").write_text("a file where the folder should be")
    with pytest.raises(StoreError, match=KEY_FILE):
        shared_secret(tmp_path / "data")


@pytest.mark.parametrize(
    ("url", "listen", "expected"),
    [
        ("https://example.com", None, ("https://example.com", "127.0.0.1", 8787)),
        ("https://example.com/a/b/", "0.0.0.0:80", ("https://example.com/a/b", "0.0.0.0", 80)),
        ("http://localhost:9", "[::1]:9", ("http://localhost:9", "::1", 9)),
        ("http://[::1]:9/", "localhost:9", ("http://[::1]:9", "localhost", 9)),
    ],
)
def test_a_public_address_may_have_a_prefix_and_be_listened_for_elsewhere(
    url: str, listen: str | None, expected: tuple[str, str, int]
) -> None:
    """Ours: a tunnel or reverse proxy stands between the two."""
    environment = {"SEEDANCE_PUBLIC_URL": url} | ({"SEEDANCE_PUBLIC_LISTEN": listen} if listen else {})
    wanted = PublicAddress(url=expected[0], host=expected[1], port=expected[2])
    assert load_settings(environment).public == wanted
    assert load_settings(environment | {"SEEDANCE_PUBLIC_URL": ""}).public is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SEEDANCE_PUBLIC_URL", "http://example.com"),
        ("SEEDANCE_PUBLIC_URL", "https://user:secret@example.com"),
        ("SEEDANCE_PUBLIC_URL", "https://example.com/?a=b"),
        ("SEEDANCE_PUBLIC_URL", "https://example.com?"),
        ("SEEDANCE_PUBLIC_URL", "https://example.com/#a"),
        ("SEEDANCE_PUBLIC_URL", "https://example.com/{token}"),
        ("SEEDANCE_PUBLIC_URL", "example.com"),
        ("SEEDANCE_PUBLIC_URL", "${user_config.url}"),
        ("SEEDANCE_PUBLIC_LISTEN", "8787"),
        ("SEEDANCE_PUBLIC_LISTEN", "127.0.0.1:"),
        ("SEEDANCE_PUBLIC_LISTEN", "127.0.0.1:0"),
        ("SEEDANCE_PUBLIC_LISTEN", "127.0.0.1:65536"),
        ("SEEDANCE_PUBLIC_LISTEN", ":8787"),
    ],
)
def test_a_public_address_that_cannot_be_meant_is_named(name: str, value: str) -> None:
    """Ours: plain http over the internet would give the callback URLs away."""
    with pytest.raises(SetupError, match=name):
        load_settings({"SEEDANCE_PUBLIC_URL": "https://example.com", name: value})
