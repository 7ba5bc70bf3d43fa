"""What http.py promises: two kinds of failure, no reuse for creates, no redirects."""

import socket
from collections.abc import Callable

import anyio
import httpx
import pytest

from media.raw_server import Answer, always, closed_port, raw_server, reply, silence, then_close
from seedance_mcp.http import (
    MAX_REPLY_BYTES,
    HttpClient,
    NoAnswerError,
    NotConnectedError,
    open_stream,
)

PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def no_proxy_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


async def read(url: str, *, address: str | None = None, timeout_s: float = 5) -> bytes:
    async with open_stream(url, address=address, timeout_s=timeout_s) as answer:
        return b"".join([piece async for piece in answer.chunks])


async def test_a_fresh_request_has_a_connection_of_its_own() -> None:
    """DESIGN §3: a reused connection that was closed silently would make a create uncertain for nothing."""
    with anyio.fail_after(5):
        async with raw_server(always(reply(b"{}"))) as server, HttpClient(server.origin) as client:
            for _ in range(3):
                await client.send("POST", "/create", body={}, fresh=True, timeout_s=5)

    assert server.connections == 3


async def test_other_requests_reuse_one_connection() -> None:
    """Ours: polls come every few seconds, and a TLS handshake each would be waste."""
    with anyio.fail_after(5):
        async with raw_server(always(reply(b"{}"))) as server, HttpClient(server.origin) as client:
            for _ in range(3):
                await client.send("GET", "/task", timeout_s=5)

    assert server.connections == 1


async def test_a_request_carries_path_headers_and_json() -> None:
    """Ours: text in any language arrives as it was written."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(201, headers={"X-Id": "7"}, content=b"made")

    with anyio.fail_after(5):
        async with HttpClient(
            "https://api.example.com/prefix/",
            headers={"authorization": "Bearer k"},
            transport=httpx.MockTransport(answer),
        ) as client:
            got = await client.send("POST", "/v1/videos", body={"prompt": "柯基"}, timeout_s=5)

    assert (got.status, got.headers["x-id"], got.body) == (201, "7", b"made")
    assert str(seen[0].url) == "https://api.example.com/prefix/v1/videos"
    assert seen[0].headers["authorization"] == "Bearer k"
    assert seen[0].headers["content-type"] == "application/json"
    assert "柯基".encode() in seen[0].content


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_an_answer_and_is_not_followed(status: int) -> None:
    """DESIGN §3: following a redirect of a create could send it twice."""
    with anyio.fail_after(5):
        async with raw_server(always(reply(status=f"{status} Moved", Location="/other"))) as server:
            async with HttpClient(server.origin) as client:
                got = await client.send("POST", "/create", body={}, fresh=True, timeout_s=5)
            async with open_stream(server.origin + "/video", timeout_s=5) as stream:
                assert stream.status == status

    assert (got.status, got.headers["location"], len(server.heads)) == (status, "/other", 2)


async def test_an_answer_larger_than_the_cap_is_no_answer() -> None:
    """Ours: a provider's answer is small JSON; anything huge is a mistake that must not fill the memory."""
    too_much = httpx.MockTransport(lambda _: httpx.Response(200, content=b"x" * (MAX_REPLY_BYTES + 1)))
    with anyio.fail_after(5):
        async with HttpClient("https://api.example.com", transport=too_much) as client:
            with pytest.raises(NoAnswerError, match="larger than 4 MB"):
                await client.send("GET", "/", timeout_s=5)


async def test_a_refused_port_means_that_nothing_was_sent() -> None:
    """DESIGN §3: without a connection a create is definitely not accepted, and another provider may be tried."""
    port = await closed_port()
    with anyio.fail_after(20):  # Windows tries a closed port for two seconds
        async with HttpClient(f"http://127.0.0.1:{port}") as client:
            with pytest.raises(NotConnectedError, match="no connection could be made"):
                await client.send("POST", "/create", body={}, fresh=True, timeout_s=9)
        with pytest.raises(NotConnectedError, match="no connection could be made"):
            await read(f"http://127.0.0.1:{port}/video")


async def test_an_unknown_host_name_means_that_nothing_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """DESIGN §3: no connection was made. The failing name service is simulated: no test asks a real one."""

    def not_found(*_arguments: object, **_options: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", not_found)
    with anyio.fail_after(5):
        async with HttpClient("https://api.nowhere.invalid") as client:
            with pytest.raises(NotConnectedError, match="host name could not be found"):
                await client.send("POST", "/create", body={}, fresh=True, timeout_s=5)


@pytest.mark.parametrize(
    ("failure", "text"),
    [
        (httpx.ConnectTimeout("t"), "in time"),
        (httpx.PoolTimeout("t"), "in time"),
        (httpx.ProxyError("403 Forbidden"), "the proxy refused"),
        (httpx.UnsupportedProtocol("u"), "no connection"),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_failures_before_the_first_byte_are_not_connected(failure: Exception, text: str) -> None:
    """DESIGN §3: these are the failures after which a create may be sent again."""
    with anyio.fail_after(5):
        async with HttpClient("https://api.example.com", transport=failing(failure)) as client:
            with pytest.raises(NotConnectedError, match=text):
                await client.send("POST", "/create", body={}, fresh=True, timeout_s=5)


@pytest.mark.parametrize(
    "failure",
    [httpx.WriteError("w"), httpx.WriteTimeout("w"), httpx.ReadError("r"), httpx.RemoteProtocolError("p"), OSError(5)],
    ids=lambda value: type(value).__name__,
)
async def test_failures_after_the_first_byte_are_no_answer(failure: Exception) -> None:
    """DESIGN §3: after these nobody knows what became of a create."""
    with anyio.fail_after(5):
        async with HttpClient("https://api.example.com", transport=failing(failure)) as client:
            with pytest.raises(NoAnswerError):
                await client.send("POST", "/create", body={}, fresh=True, timeout_s=5)


async def test_a_proxy_that_fails_on_plain_http_may_have_passed_the_request_on() -> None:
    """Ours: plain http is handed to the proxy whole, so its failure says nothing about the request."""
    with anyio.fail_after(5):
        async with HttpClient("http://api.example.com", transport=failing(httpx.ProxyError("502"))) as client:
            with pytest.raises(NoAnswerError, match="proxy"):
                await client.send("POST", "/create", body={}, fresh=True, timeout_s=5)


@pytest.mark.parametrize(
    "answer",
    [
        then_close(b""),
        then_close(b"HTTP/1.1 200 OK\r\nContent-Le"),
        then_close(reply(b'{"id":', length=100)),
        always(b"this is not HTTP at all\r\n\r\n"),
    ],
    ids=["closed before the answer", "cut in the head", "cut in the body", "not HTTP"],
)
async def test_a_broken_answer_is_no_answer(answer: Answer) -> None:
    """DESIGN §3: a lost or unreadable reply of a create is ambiguous."""
    with anyio.fail_after(5):
        async with raw_server(answer) as server:
            async with HttpClient(server.origin) as client:
                with pytest.raises(NoAnswerError, match="closed before a whole answer"):
                    await client.send("POST", "/create", body={}, fresh=True, timeout_s=5)
            with pytest.raises(NoAnswerError, match="closed before a whole answer"):
                await read(server.origin + "/video")


async def test_silence_is_no_answer_and_the_text_names_the_limit() -> None:
    """DESIGN §3: the request was sent."""
    with anyio.fail_after(5):
        async with raw_server(silence) as server, HttpClient(server.origin) as client:
            with pytest.raises(NoAnswerError, match="no answer came within 0 s"):
                await client.send("POST", "/create", body={}, fresh=True, timeout_s=0.05)


def failing(error: Exception) -> httpx.MockTransport:
    def fail(_: httpx.Request) -> httpx.Response:
        raise error

    handler: Callable[[httpx.Request], httpx.Response] = fail
    return httpx.MockTransport(handler)
