"""Which address is connected for a URL that we fetch ourselves."""

import socket
from collections.abc import Sequence

import anyio
import pytest

from seedance_mcp.http import NotConnectedError
from seedance_mcp.media.address_guard import (
    Resolve,
    UnsafeUrlError,
    resolve_public,
)


def answering(*addresses: str) -> Resolve:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return addresses

    return resolve


async def never_resolve(host: str, port: int) -> Sequence[str]:
    raise AssertionError(f"{host}:{port} was resolved")


async def test_a_fetched_url_is_resolved_once_and_connected_by_that_address() -> None:
    """DESIGN §7: resolved once and connected by that address."""
    asked: list[tuple[str, int]] = []

    async def resolve(host: str, port: int) -> Sequence[str]:
        asked.append((host, port))
        return ["2606:4700::1111", "93.184.215.14", "93.184.215.15"]

    with anyio.fail_after(5):
        address = await resolve_public("https://CDN.example.com:8443/v.mp4", resolve=resolve)

    assert (address, asked) == ("93.184.215.14", [("cdn.example.com", 8443)])


async def test_a_host_with_ipv6_only_is_connected_by_ipv6() -> None:
    """Ours: IPv4 is preferred, not required."""
    with anyio.fail_after(5):
        assert await resolve_public("https://a.example.com/", resolve=answering("2606:4700::1111")) == "2606:4700::1111"


@pytest.mark.parametrize("private", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fe80::1%eth0", "::ffff:a00:1"])
async def test_a_host_with_any_private_address_is_refused(private: str) -> None:
    """DESIGN §7: a public address beside it does not make the private one safe."""
    with anyio.fail_after(5), pytest.raises(UnsafeUrlError, match="leads to the private address"):
        await resolve_public("https://a.example.com/", resolve=answering("93.184.215.14", private))


async def test_a_refused_url_is_not_even_resolved() -> None:
    """Ours: a name service must not learn the names inside a refused URL."""
    with anyio.fail_after(5), pytest.raises(UnsafeUrlError):
        await resolve_public("http://a.example.com/", resolve=never_resolve)


async def test_a_public_ip_address_needs_no_name_service() -> None:
    """Ours: there is nothing to resolve."""
    with anyio.fail_after(5):
        assert await resolve_public("https://8.8.8.8/", resolve=never_resolve) == "8.8.8.8"
        assert await resolve_public("https://[2606:4700::1111]/", resolve=never_resolve) == "2606:4700::1111"


async def test_the_users_own_origin_is_connected_by_name() -> None:
    """DESIGN §7: a configured base URL may be anywhere."""
    allowed = frozenset({"http://localhost:8080"})
    with anyio.fail_after(5):
        url = "http://localhost:8080/v.mp4"
        assert await resolve_public(url, allowed_origins=allowed, resolve=never_resolve) is None


async def test_behind_a_proxy_the_name_is_left_to_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """DESIGN §7: corporate proxies work; behind one only the spelling of a URL is checked."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.com:3128")
    with anyio.fail_after(5):
        assert await resolve_public("https://a.example.com/", resolve=never_resolve) is None
        with pytest.raises(UnsafeUrlError):
            await resolve_public("https://10.0.0.1/", resolve=never_resolve)


@pytest.mark.parametrize(
    ("failure", "text"),
    [
        (socket.gaierror(socket.EAI_NONAME, "unknown"), "could not be found"),
        (UnicodeError("label too long"), "could not be found"),
        (TimeoutError(), "could not be found in time"),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_a_name_that_cannot_be_found_is_not_connected(failure: Exception, text: str) -> None:
    """Ours: nothing was sent, so trying again later is safe."""

    async def fail(_host: str, _port: int) -> Sequence[str]:
        raise failure

    with anyio.fail_after(5), pytest.raises(NotConnectedError, match=text):
        await resolve_public("https://a.example.com/", resolve=fail)


async def test_a_name_without_any_address_is_not_connected() -> None:
    """Ours: an empty answer is as good as none."""
    with anyio.fail_after(5), pytest.raises(NotConnectedError, match="no address"):
        await resolve_public("https://a.example.com/", resolve=answering())


async def test_by_default_the_name_service_of_the_machine_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """DESIGN §7: resolved once; its answer here is made up, as no test asks a real one."""
    asked: list[object] = []

    def answer(host: object, *_arguments: object, **_options: object) -> object:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.215.14", 443))]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    with anyio.fail_after(5):
        assert await resolve_public("https://a.example.com/") == "93.184.215.14"

    assert asked == [b"a.example.com"]
