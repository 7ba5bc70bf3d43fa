"""The only module that opens HTTP connections.

It knows two failures, because money depends on the difference: `NotConnectedError` (nothing was sent) and
`NoAnswerError` (something was sent, and no whole answer came back).
"""

import functools
import json
import socket
import ssl
import urllib.request
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

import httpx

from seedance_mcp import __version__

Transport = httpx.AsyncBaseTransport
MAX_REPLY_BYTES = 4 * 1024 * 1024
CONNECT_TIMEOUT_S = 15.0
USER_AGENT = f"seedance-mcp/{__version__}"


class HttpError(Exception):
    """No whole answer was received; the text says why, in words without library names."""


class NotConnectedError(HttpError):
    """No connection was made: the other side cannot have seen the request."""


class NoAnswerError(HttpError):
    """The request was sent, or part of it was, and no whole answer came back."""


@dataclass(frozen=True, slots=True)
class HttpReply:
    """A whole answer. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class HttpStream:
    """An answer whose body is still to be read. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class FormFile:
    """One file as a field of a multipart form."""

    field: str
    name: str
    content: bytes
    mime_type: str


class HttpClient:
    """Sends requests to one base URL; connections are reused except for `fresh` requests."""

    def __init__(
        self,
        base_url: str,
        *,
        headers: Mapping[str, str] | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._headers = {"user-agent": USER_AGENT, "accept": "application/json", **(headers or {})}
        self._pooled = _client(transport, keep_alive=True)
        self._fresh = _client(transport, keep_alive=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._pooled.aclose()
        await self._fresh.aclose()

    async def send(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, object] | None = None,
        file: FormFile | None = None,
        fresh: bool = False,
        timeout_s: float,
    ) -> HttpReply:
        """Sends one request, once; follows no redirect.

        `fresh` opens a connection for this request alone: a reused one may have been closed silently, and then
        nobody could tell whether the request arrived.

        Raises:
            NotConnectedError: Nothing was sent.
            NoAnswerError: Something was sent; what became of it is unknown.
        """
        client = self._fresh if fresh else self._pooled
        headers = self._headers | ({} if body is None else {"content-type": "application/json"})
        content = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        with _plain_errors(self._base_url, timeout_s):
            request = client.build_request(
                method,
                self._base_url + path,
                headers=headers,
                content=content,
                files=file and {file.field: (file.name, file.content, file.mime_type)},
                timeout=_timeout(timeout_s),
            )
        with _plain_errors(self._base_url, timeout_s, is_sent=True):
            response = await client.send(request, stream=True)
            try:
                return HttpReply(response.status_code, _headers(response), await _read(response))
            finally:
                await response.aclose()

    @asynccontextmanager
    async def stream(self, path: str, *, silence_s: float) -> AsyncGenerator[HttpStream]:
        """Opens a stream of server-sent events, like `open_stream`; `silence_s` is the longest pause in it."""
        headers = {**self._headers, "accept": "text/event-stream"}
        with _plain_errors(self._base_url, silence_s):
            request = self._fresh.build_request(
                "GET", self._base_url + path, headers=headers, timeout=_timeout(silence_s)
            )
            response = await self._fresh.send(request, stream=True)
        pieces = _pieces(response, self._base_url, silence_s)
        try:
            yield HttpStream(response.status_code, _headers(response), pieces)
        finally:
            await pieces.aclose()
            await response.aclose()


@asynccontextmanager
async def open_stream(
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    address: str | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
    timeout_s: float,
) -> AsyncGenerator[HttpStream]:
    """Starts a GET whose body is read piece by piece; follows no redirect.

    `address` is the IP address to connect to instead of resolving the URL's host again; the Host header and the
    TLS server name stay those of the URL.

    Raises:
        NotConnectedError: No connection was made.
        NoAnswerError: The answer broke off.
    """
    with _plain_errors(url, timeout_s):
        proxy = _proxy_for(url) if transport is None and address is None else None
    async with _one_client(transport, proxy) as client:
        with _plain_errors(url, timeout_s):
            response = await client.send(_get(client, url, headers, address, timeout_s), stream=True)
        pieces = _pieces(response, url, timeout_s)
        try:
            yield HttpStream(response.status_code, _headers(response), pieces)
        finally:
            await pieces.aclose()
            await response.aclose()


def asgi_transport(app: object) -> httpx.AsyncBaseTransport:
    """A transport that calls an ASGI application of this process instead of the network."""
    return httpx.ASGITransport(app=app)  # pyright: ignore[reportArgumentType]


def goes_through_proxy(url: str) -> bool:
    """Whether the environment sends this URL through a proxy, which then resolves the host name itself."""
    return _proxy_for(url) is not None


def _proxy_for(url: str) -> str | None:
    parts = urlsplit(url)
    proxies = urllib.request.getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    # NO_PROXY may name a host, or a host and its port.
    if not proxy or any(map(urllib.request.proxy_bypass, {parts.hostname or "", parts.netloc})):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _get(
    client: httpx.AsyncClient, url: str, headers: Mapping[str, str] | None, address: str | None, timeout_s: float
) -> httpx.Request:
    target = httpx.URL(url)
    sent = {"user-agent": USER_AGENT, "accept": "*/*", "accept-encoding": "identity", **(headers or {})}
    extensions: dict[str, str] = {}
    if address is not None:
        sent["host"] = target.netloc.decode("ascii")
        extensions["sni_hostname"] = target.raw_host.decode("ascii")
        target = target.copy_with(host=address)
    return client.build_request("GET", target, headers=sent, extensions=extensions, timeout=_timeout(timeout_s))


async def _pieces(response: httpx.Response, url: str, timeout_s: float) -> AsyncGenerator[bytes]:
    with _plain_errors(url, timeout_s):
        async for piece in response.aiter_bytes():
            yield piece


@functools.cache
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context()


def _client(transport: httpx.AsyncBaseTransport | None, *, keep_alive: bool) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=20 if keep_alive else 0)
    return httpx.AsyncClient(transport=transport, verify=_tls(), limits=limits, follow_redirects=False)


def _one_client(transport: httpx.AsyncBaseTransport | None, proxy: str | None) -> httpx.AsyncClient:
    try:
        # The proxy was chosen by `_proxy_for`: httpx reads NO_PROXY differently, and would then connect to a host
        # that nobody has checked.
        return httpx.AsyncClient(transport=transport, verify=_tls(), proxy=proxy, trust_env=False)
    except (ImportError, ValueError, httpx.InvalidURL) as error:
        raise NotConnectedError("the proxy that the environment names is of a kind that cannot be used") from error


def _timeout(seconds: float) -> httpx.Timeout:
    return httpx.Timeout(seconds, connect=min(seconds, CONNECT_TIMEOUT_S))


def _headers(response: httpx.Response) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


async def _read(response: httpx.Response) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for chunk in response.aiter_bytes():
        size += len(chunk)
        if size > MAX_REPLY_BYTES:
            raise NoAnswerError(f"its answer is larger than {MAX_REPLY_BYTES // 1024 // 1024} MB")
        parts.append(chunk)
    return b"".join(parts)


class _plain_errors:  # noqa: N801  (used like a function)
    """Turns the library's exceptions into the two of this module."""

    def __init__(self, url: str, timeout_s: float, *, is_sent: bool = False) -> None:
        self._url = url
        self._timeout_s = timeout_s
        self._is_sent = is_sent

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout):
            raise NotConnectedError("no connection could be made in time") from error
        if isinstance(error, httpx.ProxyError) and not self._url.startswith("https:"):
            raise NoAnswerError("the proxy gave no answer") from error
        if isinstance(
            error,
            httpx.ConnectError | httpx.ProxyError | httpx.UnsupportedProtocol | httpx.LocalProtocolError,
        ):
            raise NotConnectedError(_why_not_connected(error)) from error
        if isinstance(error, httpx.InvalidURL | ValueError):
            if self._is_sent:
                # The library reads even the address of a redirect that nobody follows.
                raise NoAnswerError("its answer could not be read") from error
            raise NotConnectedError("its address is not a usable URL") from error
        if isinstance(error, httpx.TimeoutException):
            raise NoAnswerError(f"no answer came within {self._timeout_s:.0f} s") from error
        if isinstance(error, httpx.HTTPError | OSError):
            raise NoAnswerError("the connection was closed before a whole answer came") from error


def _why_not_connected(error: BaseException) -> str:
    if isinstance(error, httpx.ProxyError):
        return "the proxy refused the connection"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, socket.gaierror):
            return "its host name could not be found"
        if isinstance(cause, ssl.SSLError):
            return "its TLS certificate or handshake was not accepted"
        cause = cause.__cause__ or cause.__context__
    return "no connection could be made"
