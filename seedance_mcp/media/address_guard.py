"""Decides whether a URL may be used or fetched.

Behind a proxy of the environment the proxy resolves host names, so there only the spelling of a URL is checked
(`check_url`) and not where its name leads.
"""

import re
import unicodedata
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from socket import AI_ADDRCONFIG, SOCK_STREAM
from typing import NoReturn

import anyio

from seedance_mcp.http import CONNECT_TIMEOUT_S, NotConnectedError, goes_through_proxy

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Turns a host name and a port into IP addresses; raises OSError when it cannot."""

_IpAddress = IPv4Address | IPv6Address
_URL = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://"
    r"(?:(?P<credentials>[^/?#]*)@)?"
    r"(?P<host>\[[^\]/?#@%]*\]|[^\[\]/?#@:]*)"
    r"(?::(?P<port>[0-9]{0,5}))?"
    r"(?P<rest>[/?#].*)?",
    re.IGNORECASE,
)
_DEFAULT_PORTS = {"https": 443, "http": 80}
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PRIVATE_NAMES = ("localhost", "localdomain", "local", "internal", "intranet", "lan", "home.arpa")
# For these blocks `is_global` says different things in the Python versions we support.
_GLOBAL_IPV6 = IPv6Network("2000::/3")
_NOT_GLOBAL_IPV6 = (IPv6Network("2002::/16"), IPv6Network("3fff::/20"))
_NAT64 = IPv6Network("64:ff9b::/96")
_SHOWN_TAIL = 40


class UnsafeUrlError(ValueError):
    """A URL that is not used; the text says which, why, and what to do."""


@dataclass(frozen=True, slots=True)
class _Target:
    scheme: str
    host: str
    port: int

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}"

    @property
    def ip(self) -> _IpAddress | None:
        try:
            return ip_address(self.host.strip("[]"))
        except ValueError:
            return None


def check_url(url: str, *, allowed_origins: frozenset[str] = frozenset()) -> None:
    """Refuses a URL that is not https, or is spelled so that it leads into a private network.

    Nothing is resolved: this is enough for a URL that is only passed on.

    Args:
        url: What a caller or a provider gave.
        allowed_origins: Origins (see `origin_of`) that the user configured; they may be http, loopback or private.

    Raises:
        UnsafeUrlError: The URL must not be used.
    """
    _checked(url, allowed_origins)


async def resolve_public(
    url: str, *, allowed_origins: frozenset[str] = frozenset(), resolve: Resolve | None = None
) -> str | None:
    """Checks a URL that we fetch ourselves, and finds the one address to connect to.

    The host is resolved once and the answer is what gets connected, so that a name cannot lead elsewhere between
    the check and the use. None: connect by name, because the origin is the user's own or a proxy resolves it.

    Raises:
        UnsafeUrlError: The URL must not be fetched, or one of its host's addresses is not public.
        NotConnectedError: The host name could not be found.
    """
    target = _checked(url, allowed_origins)
    if target.origin in allowed_origins or goes_through_proxy(url):
        return None
    if target.ip is not None:
        return str(target.ip)
    addresses = [ip_address(found) for found in await _addresses(target, resolve or _resolve)]
    for address in addresses:
        if not _is_public(address):
            raise UnsafeUrlError(
                f"{shown_url(url)} was given, but its host name leads to the private address {address}. "
                "Use an address on the public internet."
            )
    # A host with both kinds is tried by IPv4: it works in more networks, and only one address is tried.
    return str(min(addresses, key=lambda address: address.version))


def origin_of(url: str) -> str:
    """The origin of a configured base URL, as `allowed_origins` holds it: scheme, host and always the port.

    Raises:
        UnsafeUrlError: It is not an http or https URL, or it holds credentials.
    """
    return _parse(url).origin


def shown_url(url: str) -> str:
    """A URL as messages may show it: without credentials and query, only the tail of its path."""
    parts = _URL.fullmatch(url)
    if not parts or not url.isprintable():
        return "the address"
    path = re.split(r"[?#]", parts["rest"] or "")[0]
    folder, _, tail = path.rpartition("/")
    port = f":{parts['port']}" if parts["port"] else ""
    return f"{parts['scheme']}://{parts['host'][:100]}{port}{'/…' if folder else ''}/{tail[-_SHOWN_TAIL:]}"


def _checked(url: str, allowed_origins: frozenset[str]) -> _Target:
    target = _parse(url)
    if target.origin in allowed_origins:
        return target
    if target.scheme != "https":
        _refuse(url, "it is not encrypted", "Use an https address.")
    ip = target.ip
    if ip is not None and not _is_public(ip):
        _refuse(url, f"{ip} is not an address on the public internet", "Use a public address.")
    if ip is None and _is_private_name(target.host):
        _refuse(url, f"{target.host!r} is a name inside a private network", "Use a public address.")
    return target


def _parse(url: str) -> _Target:
    if not url.isprintable() or any(map(str.isspace, url)):
        _refuse(url, "it holds a space or a control character", "Percent-encode it.")
    parts = _URL.fullmatch(url)
    if not parts or parts["scheme"].lower() not in _DEFAULT_PORTS:
        _refuse(url, "it is not a web address", "Use one that begins with https://.")
    if parts["credentials"] is not None:
        _refuse(url, "it holds a user name or password", "Use an address without them.")
    scheme = parts["scheme"].lower()
    port = int(parts["port"] or _DEFAULT_PORTS[scheme])
    if not 0 < port < 65536:
        _refuse(url, "its port is not between 1 and 65535", "Correct the port.")
    return _Target(scheme, _host(url, parts["host"]), port)


def _host(url: str, written: str) -> str:
    if not written:
        _refuse(url, "it names no host", "Use a whole address.")
    if written.startswith("["):
        try:
            return f"[{IPv6Address(written[1:-1])}]"
        except ValueError:
            _refuse(url, f"{written[:80]} is not an IPv6 address", "Correct the host.")
    name = _ascii_name(url, written)
    labels = name.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        # Clients read 127.1, 0x7f000001, 2130706433 or 0177.0.0.1 as addresses too, each in its own way.
        try:
            return str(IPv4Address(name))
        except ValueError:
            _refuse(url, f"{name} is an unusual spelling of an IP address", "Use four decimal numbers or a name.")
    if len(name) > 253 or not all(map(_LABEL.fullmatch, labels)):
        _refuse(url, f"{name[:80]!r} is not a host name", "Correct the host.")
    return name


def _ascii_name(url: str, written: str) -> str:
    # Full-width and circled digits, and the ideographic full stops, mean plain digits and dots to IDNA.
    plain = unicodedata.normalize("NFKC", written).replace("。", ".").lower().removesuffix(".")
    try:
        return plain if plain.isascii() else plain.encode("idna").decode("ascii")
    except UnicodeError:
        _refuse(url, f"{written[:80]!r} is not a host name", "Correct the host.")


def _is_private_name(name: str) -> bool:
    return "." not in name or any(name == private or name.endswith(f".{private}") for private in _PRIVATE_NAMES)


def _is_public(address: _IpAddress) -> bool:
    if isinstance(address, IPv4Address):
        return address.is_global and not (address.is_multicast or address.is_reserved)
    if address in _NAT64:  # how a network without IPv4 reaches one; other embeddings are not in use any more
        return _is_public(IPv4Address(address.packed[-4:]))
    return address in _GLOBAL_IPV6 and address.is_global and not any(address in block for block in _NOT_GLOBAL_IPV6)


async def _addresses(target: _Target, resolve: Resolve) -> Sequence[str]:
    try:
        with anyio.fail_after(CONNECT_TIMEOUT_S):
            found = await resolve(target.host, target.port)
    except TimeoutError as error:
        raise NotConnectedError("its host name could not be found in time") from error
    except (OSError, UnicodeError) as error:
        raise NotConnectedError("its host name could not be found") from error
    if not found:
        raise NotConnectedError("its host name has no address")
    return found


async def _resolve(host: str, port: int) -> Sequence[str]:
    # AI_ADDRCONFIG leaves out IPv6 addresses on a machine that has no IPv6, and the other way round.
    found = await anyio.getaddrinfo(host, port, type=SOCK_STREAM, flags=AI_ADDRCONFIG)
    return [str(sockaddr[0]) for *_, sockaddr in found]


def _refuse(url: str, truth: str, remedy: str) -> NoReturn:
    raise UnsafeUrlError(f"{shown_url(url)} was given, but {truth}. {remedy}")
