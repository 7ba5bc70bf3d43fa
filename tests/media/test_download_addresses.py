"""Where a download goes: every hop is checked, and nothing of ours is sent along."""

from collections.abc import Sequence
from pathlib import Path

import anyio
import httpx
import pytest
from anyio.abc import SocketStream
from downloads import NAME, ORIGIN, URL, VIDEO, names, ok, save
from raw_server import raw_server, reply, then_close

from seedance_mcp.media.download import MAX_REDIRECTS, DownloadError, download_video


async def resolve_to_public(_host: str, _port: int) -> Sequence[str]:
    return ["93.184.215.14"]


async def resolve_to_private(_host: str, _port: int) -> Sequence[str]:
    return ["10.0.0.1"]


async def test_a_space_in_a_link_is_sent_as_every_client_sends_it(tmp_path: Path) -> None:
    """Ours: some servers leave spaces in their links, and a paid video must not be lost for that."""
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        return httpx.Response(302, headers={"location": "/b c.mp4"}) if len(seen) == 1 else ok(request)

    await save(tmp_path, answer, f"{ORIGIN}/a b.mp4 ")

    assert seen == ["https://api.example.com/a%20b.mp4", "https://api.example.com/b%20c.mp4"]


@pytest.mark.parametrize("hops", [1, MAX_REDIRECTS])
async def test_a_few_redirects_are_followed(tmp_path: Path, hops: int) -> None:
    """DESIGN §7: every hop is checked, and the number of hops is limited."""
    left = iter(range(hops))

    def answer(request: httpx.Request) -> httpx.Response:
        hop = next(left, None)
        return ok(request) if hop is None else httpx.Response(307, headers={"location": f"../{hop}.mp4?a=b"})

    assert (await save(tmp_path, answer)).bytes == len(VIDEO)


async def test_a_redirect_without_end_is_given_up(tmp_path: Path) -> None:
    """DESIGN §7: the number of hops is limited."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(302, headers={"location": URL})

    with pytest.raises(DownloadError, match="redirected more than 5 times") as caught:
        await save(tmp_path, answer)

    assert (len(seen), caught.value.retryable, names(tmp_path)) == (6, True, [])


@pytest.mark.parametrize(
    "location",
    [
        "http://api.example.com/v.mp4",
        "http://127.0.0.1:8080/v.mp4",
        "https://169.254.169.254/latest/meta-data/",
        "https://localhost/v.mp4",
        "//10.0.0.1/v.mp4",
        "file:///etc/passwd",
        "https://api.example.com:8443@10.0.0.1/",
        "https://[",
    ],
)
async def test_a_redirect_to_http_or_into_a_private_network_is_refused(tmp_path: Path, location: str) -> None:
    """DESIGN §7: redirects are checked at every hop."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(302, headers={"location": location})

    with pytest.raises(DownloadError, match="The video was not fetched") as caught:
        await save(tmp_path, answer)

    assert (len(seen), caught.value.retryable, caught.value.gone, names(tmp_path)) == (1, False, False, [])


async def test_a_link_whose_host_leads_into_a_private_network_is_refused(tmp_path: Path) -> None:
    """DESIGN §7: a public name with a private address is the classic way in."""
    with anyio.fail_after(5), pytest.raises(DownloadError, match=r"leads to the private address 10\.0\.0\.1") as caught:
        await download_video(URL, folder=tmp_path, name=NAME, resolve=resolve_to_private)

    assert "secret" not in caught.value.message


async def test_a_checked_host_is_connected_by_the_address_that_was_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DESIGN §7: resolved once and connected by that address, SNI kept."""
    asked: list[tuple[str, int]] = []
    connect = anyio.connect_tcp

    with anyio.fail_after(10):
        async with raw_server(then_close(b"")) as server:

            async def connect_here(remote_host: str, remote_port: int, **_options: object) -> SocketStream:
                asked.append((remote_host, remote_port))
                return await connect("127.0.0.1", server.port)

            monkeypatch.setattr(anyio, "connect_tcp", connect_here)
            with pytest.raises(DownloadError) as caught:
                await download_video(URL, folder=tmp_path, name=NAME, resolve=resolve_to_public)

    assert asked == [("93.184.215.14", 443)]
    assert b"api.example.com" in server.heads[0]
    assert caught.value.retryable


async def test_behind_a_proxy_the_proxy_is_given_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DESIGN §7: corporate proxies work."""
    with anyio.fail_after(10):
        async with raw_server(then_close(reply(status="403 Forbidden"))) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
            with pytest.raises(DownloadError, match="the proxy refused the connection") as caught:
                await download_video(URL, folder=tmp_path, name=NAME, resolve=resolve_to_private)

    assert proxy.heads[0].startswith(b"CONNECT api.example.com:443 ")
    assert caught.value.retryable


async def test_a_name_that_is_a_path_is_refused_before_anything_is_fetched(tmp_path: Path) -> None:
    """DESIGN §7: a name must not lead out of the folder."""
    with anyio.fail_after(5), pytest.raises(ValueError, match="plain file name"):
        await download_video(URL, folder=tmp_path, name="../v.mp4", resolve=resolve_to_private)
