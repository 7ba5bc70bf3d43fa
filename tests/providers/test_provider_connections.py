"""What happens on real sockets: creates alone on their connection, polls together on one, and no redirect followed."""

import anyio
import pytest

from media.raw_server import Answer, always, closed_port, raw_server, reply, silence, then_close
from providers.recorded import SPECS
from providers.scripted import KEY, create, talking_to
from seedance_mcp.domain.errors import AmbiguousError, RefusedError, UnavailableError

INK, KINOVI = SPECS["seedance2_ink"], SPECS["kinovi"]
ANSWER = reply(b'{"success": true, "requestId": "r_1", "taskId": "r_1", "status": "queued"}')
PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def no_proxy_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


async def test_every_create_has_a_connection_of_its_own_and_polls_share_one() -> None:
    """DESIGN §3: a reused keep-alive connection that was closed silently would be a false `uncertain`."""
    async with raw_server(always(ANSWER)) as server, talking_to(INK, base_url=server.origin) as client:
        for _ in range(3):
            await client.fetch("r_1")
        assert server.connections == 1
        for _ in range(3):
            await create(client)
        assert server.connections == 4
        await client.fetch("r_1")
        await client.cancel("r_1")
        assert server.connections == 4


async def test_a_create_after_a_poll_does_not_use_the_connection_that_the_server_has_closed() -> None:
    """DESIGN §3: the kept connection is dead, the create is accepted all the same."""
    async with raw_server(then_close(ANSWER)) as server, talking_to(INK, base_url=server.origin) as client:
        await client.fetch("r_1")
        reply_to_create = await create(client)

    assert (reply_to_create.provider_task_id, server.connections) == ("r_1", 2)


async def test_the_key_goes_in_the_authorization_header_of_every_request() -> None:
    """Provider: seeds 002 and 003, `Authorization: Bearer`."""
    async with raw_server(always(ANSWER)) as server, talking_to(INK, base_url=f"{server.origin}/gate/") as client:
        await create(client)
        await client.fetch("r_1")
        await client.cancel("r_1")

    lines = [head.split(b"\r\n") for head in server.heads]
    assert [line[0] for line in lines] == [
        b"POST /gate/api/open/v1/video/generations HTTP/1.1",
        b"GET /gate/api/open/v1/video/generations/r_1 HTTP/1.1",
        b"POST /gate/api/open/v1/video/generations/r_1/cancel HTTP/1.1",
    ]
    assert all(b"authorization: Bearer " + KEY.encode() in line for line in lines)


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
async def test_no_redirect_is_followed(status: str) -> None:
    """DESIGN §3: following one could send a create twice, and would hand the key to another host."""
    redirect = always(reply(status=status, Location="/elsewhere"))
    async with raw_server(redirect) as server, talking_to(KINOVI, base_url=server.origin) as client:
        with pytest.raises(AmbiguousError, match=f"HTTP {status[:3]}"):
            await create(client)
        with pytest.raises(UnavailableError, match=f"HTTP {status[:3]}"):
            await client.fetch("r_1")

    assert len(server.heads) == 2


async def test_a_closed_port_refuses_a_create_and_postpones_a_poll() -> None:
    """DESIGN §3: no connection, no byte sent."""
    async with talking_to(KINOVI, base_url=f"http://127.0.0.1:{await closed_port()}") as client:
        with pytest.raises(RefusedError, match="Nothing was sent") as caught:
            await create(client)
        with pytest.raises(UnavailableError, match="could not be asked"):
            await client.fetch("r_1")

    assert caught.value.kind == "unavailable"


@pytest.mark.parametrize(
    "answer",
    [then_close(b""), then_close(ANSWER[:30]), then_close(ANSWER[:-5]), always(b"220 smtp ready\r\n\r\n")],
    ids=["hung up", "cut in the head", "cut in the body", "not HTTP"],
)
async def test_a_broken_answer_leaves_a_create_open_and_postpones_a_poll(answer: Answer) -> None:
    """DESIGN §3: the request had gone out."""
    async with raw_server(answer) as server, talking_to(KINOVI, base_url=server.origin) as client:
        with pytest.raises(AmbiguousError, match="closed before a whole answer came"):
            await create(client)
        with pytest.raises(UnavailableError, match="closed before a whole answer came"):
            await client.fetch("r_1")


async def test_a_cancelled_caller_does_not_hang_on_a_silent_provider() -> None:
    """Ours: the process must be able to end while a provider keeps quiet."""
    async with raw_server(silence) as server, talking_to(KINOVI, base_url=server.origin) as client:
        with anyio.move_on_after(0.05) as scope:
            await client.fetch("r_1")

    assert scope.cancelled_caught
