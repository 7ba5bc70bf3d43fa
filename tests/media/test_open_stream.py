"""What http.py promises about a body that is read piece by piece: one address when told so, proxies, plain errors."""

import anyio
import pytest
from anyio.abc import SocketStream
from raw_server import always, closed_port, raw_server, reply, then_close
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from seedance_mcp.http import (
    NotConnectedError,
    asgi_transport,
    goes_through_proxy,
    open_stream,
)


async def read(url: str, *, address: str | None = None, timeout_s: float = 5) -> bytes:
    async with open_stream(url, address=address, timeout_s=timeout_s) as answer:
        return b"".join([piece async for piece in answer.chunks])


async def test_a_server_without_tls_means_that_nothing_was_sent() -> None:
    """Ours: the request travels only after the handshake."""
    with anyio.fail_after(5):
        async with raw_server(then_close(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as server:
            with pytest.raises(NotConnectedError, match="TLS"):
                await read(f"https://127.0.0.1:{server.port}/video")


async def test_a_given_address_is_connected_and_host_and_server_name_stay_those_of_the_url() -> None:
    """DESIGN §7: connected by that address, SNI kept."""
    with anyio.fail_after(5):
        async with raw_server(always(reply(b"bytes"))) as server:
            got = await read(f"http://cdn.example.com:{server.port}/v.mp4", address="127.0.0.1")
            with pytest.raises(NotConnectedError):
                await read(f"https://cdn.example.com:{server.port}/v.mp4", address="127.0.0.1")

    plain, hello = server.heads
    assert got == b"bytes"
    assert f"host: cdn.example.com:{server.port}\r\n".encode() in plain.lower()
    assert b"cdn.example.com" in hello


async def test_a_given_address_is_connected_even_where_a_proxy_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """DESIGN §7: who gives an address has decided against the proxy, whatever NO_PROXY looks like."""
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{await closed_port()}")
    with anyio.fail_after(5):
        async with raw_server(always(reply(b"bytes"))) as server:
            got = await read(f"http://cdn.example.com:{server.port}/v.mp4", address="127.0.0.1")

    assert got == b"bytes"


async def test_a_stream_goes_through_the_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """DESIGN §7: corporate proxies work; the proxy is given the name and resolves it."""
    with anyio.fail_after(5):
        async with raw_server(always(reply(b"bytes"))) as proxy:
            monkeypatch.setenv("HTTP_PROXY", f"127.0.0.1:{proxy.port}")
            got = await read("http://cdn.example.com/v.mp4")

    assert got == b"bytes"
    assert proxy.heads[0].startswith(b"GET http://cdn.example.com/v.mp4 HTTP/1.1\r\n")


async def test_a_proxy_that_refuses_https_means_that_nothing_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours: the request would have travelled inside the tunnel that was refused."""
    with anyio.fail_after(5):
        async with raw_server(always(reply(status="403 Forbidden"))) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
            with pytest.raises(NotConnectedError, match="the proxy refused"):
                await read("https://cdn.example.com/v.mp4")

    assert proxy.heads[0].startswith(b"CONNECT cdn.example.com:443 ")


async def test_a_proxy_of_an_unknown_kind_is_reported_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours: the reader did not choose a library, so its words say nothing to them."""
    monkeypatch.setenv("HTTPS_PROXY", "gopher://127.0.0.1:1")
    with anyio.fail_after(5), pytest.raises(NotConnectedError, match="the proxy that the environment names"):
        await read("https://cdn.example.com/v.mp4")


@pytest.mark.parametrize("url", ["https://[", "nothing", "https://exa mple.com/"])
async def test_an_unusable_url_means_that_nothing_was_sent(url: str) -> None:
    """Ours: a provider may answer anything where its documents promise a URL."""
    with anyio.fail_after(5), pytest.raises(NotConnectedError):
        await read(url)


async def test_an_error_of_the_reader_is_not_taken_for_one_of_the_connection() -> None:
    """Ours: a full disk while a stream is read must not look like a lost connection."""
    with anyio.fail_after(5):
        async with raw_server(always(reply(b"x" * 1000))) as server:
            with pytest.raises(OSError, match="disk full"):
                await break_while_reading(server.origin)
            await server.is_idle.wait()


async def break_while_reading(url: str) -> None:
    async with open_stream(url, timeout_s=5) as answer:
        async for _ in answer.chunks:
            raise OSError("disk full")


async def test_a_stream_that_is_left_early_hangs_up() -> None:
    """Ours: a refused download must not go on in the background."""

    async def endless(client: SocketStream, _head: bytes) -> None:
        await client.send(reply(length=10**9))
        while True:
            await client.send(b"x" * 65536)

    with anyio.fail_after(5):
        async with raw_server(endless) as server:
            async with open_stream(server.origin, timeout_s=5) as answer:
                assert await anext(answer.chunks)
            await server.is_idle.wait()


async def test_an_application_of_this_process_answers_instead_of_the_network() -> None:
    """DESIGN §5: the simulator is an ASGI application."""

    def hello(_: Request) -> PlainTextResponse:
        return PlainTextResponse("hello")

    with anyio.fail_after(5):
        app = Starlette(routes=[Route("/x", hello)])
        async with open_stream("http://demo.invalid/x", transport=asgi_transport(app), timeout_s=5) as answer:
            assert b"".join([piece async for piece in answer.chunks]) == b"hello"


@pytest.mark.parametrize(
    ("variables", "url", "expected"),
    [
        ({}, "https://a.example.com/", False),
        ({"HTTPS_PROXY": "http://p:1"}, "https://a.example.com/", True),
        ({"HTTPS_PROXY": "http://p:1"}, "http://a.example.com/", False),
        ({"HTTP_PROXY": "http://p:1"}, "http://a.example.com/", True),
        ({"ALL_PROXY": "http://p:1"}, "https://a.example.com/", True),
        ({"ALL_PROXY": "http://p:1", "NO_PROXY": "example.com"}, "https://a.example.com/", False),
        ({"ALL_PROXY": "http://p:1", "NO_PROXY": "a.example.com:8443"}, "https://a.example.com:8443/", False),
        ({"ALL_PROXY": "http://p:1", "NO_PROXY": "a.example.com:8443"}, "https://a.example.com/", True),
        ({"ALL_PROXY": "http://p:1", "NO_PROXY": "::1"}, "http://[::1]:8080/", False),
        ({"ALL_PROXY": "http://p:1", "NO_PROXY": "*"}, "https://a.example.com/", False),
        ({"HTTPS_PROXY": ""}, "https://a.example.com/", False),
    ],
)
def test_the_environment_says_which_urls_go_through_a_proxy(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], url: str, *, expected: bool
) -> None:
    """DESIGN §7: corporate proxies work; the usual variables mean what they mean elsewhere."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert goes_through_proxy(url) is expected
