"""Which URLs are used."""

import string
from contextlib import suppress
from ipaddress import IPv4Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedance_mcp.media.address_guard import (
    UnsafeUrlError,
    check_url,
    origin_of,
    shown_url,
)

PUBLIC_URLS = [
    "https://cdn.example.com/video.mp4?X-Signature=abc",
    "HTTPS://CDN.Example.COM/video.mp4",
    "https://cdn.example.com:8443/video.mp4#t=1",
    "https://cdn.example.com./video.mp4",
    "https://bucket_1.s3.example.com/a/b/c.mp4",
    "https://xn--mnchen-3ya.de/v.mp4",
    "https://münchen.de/柯基.mp4",
    "https://8.8.8.8/v.mp4",
    "https://[2606:4700:4700::1111]/v.mp4",
    "https://[64:ff9b::808:808]/v.mp4",
    "https://notlocalhost.com/v.mp4",
    "https://internal.example.com/v.mp4",
    "https://cdn.example.com/a@b/v.mp4",
    "https://cdn.example.com?next=https://user@127.0.0.1/",
]


PRIVATE_URLS = [
    "https://localhost/",
    "https://LOCALHOST./",
    "https://api.localhost/",
    "https://printer.local/",
    "https://metadata.google.internal/",
    "https://nas.home.arpa/",
    "https://router/",
    "https://127.0.0.1/",
    "https://127.0.0.1./",
    "https://10.1.2.3/",
    "https://172.16.0.1/",
    "https://192.168.1.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://100.64.0.1/",
    "https://100.100.100.200/",
    "https://0.0.0.0/",
    "https://224.0.0.1/",
    "https://255.255.255.255/",
    "https://240.0.0.1/",
    "https://198.18.0.1/",
    "https://[::1]/",
    "https://[::]/",
    "https://[::127.0.0.1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:a00:1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b::10.0.0.1]/",
    "https://[64:ff9b:1::808:808]/",
    "https://[::ffff:808:808]/",
    "https://[2002:7f00:1::]/",
    "https://[2002:808:808::]/",
    "https://[2001:0:7f00:1::]/",
    "https://[2001:db8::1]/",
    "https://[3fff::1]/",
    "https://[fe80::1]/",
    "https://[fec0::1]/",
    "https://[fc00::1]/",
    "https://[fd12:3456::1]/",
    "https://[ff02::1]/",
    "https://①②⑦.0.0.1/",
    "https://127。0。0。1/",
    "https://ⓛocalhost/",
]


ODD_SPELLINGS = [
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7F.0.0.1",
    "0177.0.0.1",
    "127.0.0.01",
    "0",
    "0x",
    "1.2.3.4.5",
    "256.256.256.256",
    "example.123",
]


MALFORMED_URLS = [
    "",
    "video.mp4",
    "//cdn.example.com/v.mp4",
    "https:cdn.example.com",
    "https://",
    "https:///v.mp4",
    "https://:443/",
    "https://?x",
    "file:///etc/passwd",
    "ftp://example.com/v.mp4",
    "data:text/html,hello",
    "javascript:alert(1)",
    "https://example.com:port/",
    "https://example.com:0/",
    "https://example.com:65536/",
    "https://example.com:1234567/",
    "https://[::1/",
    "https://[::1]evil.com/",
    "https://[fe80::1%25eth0]/",
    "https://[evil.com]/",
    "https://a..example.com/",
    "https://.example.com/",
    "https://-a.example.com/",
    "https://%6c%6fcalhost/",
    "https://good.example.com\\.evil.example.com/",
    "https://" + "a" * 64 + ".example.com/",
    "https://" + "ä" * 64 + ".example.com/",
    "https://" + "a." * 130 + "com/",
    "https://exam℀ple.com/",
    "https://cdn.example.com/v 1.mp4",
    " https://cdn.example.com/",
    "https://cdn.example.com/\n",
    "https://cdn.example.com/\r\nHost: evil",
    "https://cdn.exam\tple.com/",
    "https://cdn.example.com/\x00",
    "https://cdn.example.com/\u202egpj",
    "https://cdn.example.com/\u3000",
]


CREDENTIALS = ["https://user:geheim@example.com/", "https://user@example.com/", "https://@example.com/"]


@pytest.mark.parametrize("url", PUBLIC_URLS)
def test_a_public_https_url_is_accepted(url: str) -> None:
    """DESIGN §7: https, no credentials, no private address."""
    check_url(url)


@pytest.mark.parametrize("url", PRIVATE_URLS)
def test_a_url_into_a_private_network_is_refused(url: str) -> None:
    """DESIGN §7: no private, loopback or link-local address, however it is embedded."""
    with pytest.raises(UnsafeUrlError, match="public"):
        check_url(url)


@pytest.mark.parametrize("host", ODD_SPELLINGS)
def test_an_unusual_spelling_of_an_ip_address_is_refused(host: str) -> None:
    """Ours: clients disagree on what these mean, so neither a private nor a public one is guessed."""
    with pytest.raises(UnsafeUrlError, match="unusual spelling"):
        check_url(f"https://{host}/v.mp4")


@pytest.mark.parametrize("url", MALFORMED_URLS)
def test_a_malformed_url_is_refused(url: str) -> None:
    """DESIGN §7: what two readers could take for two different hosts is not used."""
    with pytest.raises(UnsafeUrlError):
        check_url(url)


@pytest.mark.parametrize("url", CREDENTIALS)
def test_a_url_with_credentials_is_refused_without_repeating_them(url: str) -> None:
    """DESIGN §7: no credentials in URLs, and no secret in a message."""
    with pytest.raises(UnsafeUrlError, match="user name or password") as caught:
        check_url(url)

    assert "geheim" not in str(caught.value)


def test_http_is_refused_and_the_text_says_what_to_do() -> None:
    """Ours: an error says what was asked, what is true, what to do."""
    with pytest.raises(UnsafeUrlError) as caught:
        check_url("http://cdn.example.com/a/b/video.mp4?X-Signature=secret")

    assert str(caught.value) == (
        "http://cdn.example.com/…/video.mp4 was given, but it is not encrypted. Use an https address."
    )


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080/v.mp4", "http://LOCALHOST:9/v.mp4", "https://nas/v.mp4", "http://[::1]:80/x"]
)
def test_an_origin_that_the_user_configured_may_be_private_and_plain(url: str) -> None:
    """DESIGN §7: a provider's own configured base URL may be loopback or private."""
    with pytest.raises(UnsafeUrlError):
        check_url(url)

    check_url(url, allowed_origins=frozenset({origin_of(url)}))


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8081/", "https://127.0.0.1:8080/", "http://127.0.0.2:8080/", "http://u:p@127.0.0.1:8080/"],
)
def test_another_port_scheme_host_or_credentials_are_not_the_configured_origin(url: str) -> None:
    """DESIGN §7: results on the same host and port may be fetched, and nothing else there."""
    with pytest.raises(UnsafeUrlError):
        check_url(url, allowed_origins=frozenset({"http://127.0.0.1:8080"}))


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Kinovi.AI/prefix", "https://kinovi.ai:443"),
        ("http://localhost", "http://localhost:80"),
        ("http://[::0001]:8080/x", "http://[::1]:8080"),
    ],
)
def test_an_origin_always_names_its_port(url: str, origin: str) -> None:
    """Ours: the one spelling in which origins are compared."""
    assert origin_of(url) == origin


@given(st.ip_addresses())
def test_an_ip_literal_is_accepted_only_if_python_calls_it_global_too(address: object) -> None:
    """Ours: our rules only ever add to the standard library's."""
    host = f"[{address}]" if ":" in str(address) else str(address)
    try:
        check_url(f"https://{host}/")
    except UnsafeUrlError:
        return
    found = ip_address(str(address))
    assert found.is_global or str(found).startswith("64:ff9b::")
    assert not found.is_multicast


@given(st.ip_addresses(v=4, network="10.0.0.0/8") | st.ip_addresses(v=4, network="169.254.0.0/16"))
def test_no_ipv6_spelling_of_a_private_ipv4_address_is_accepted(address: IPv4Address) -> None:
    """DESIGN §7: an address does not become public by being embedded in another."""
    packed = f"{address.packed.hex()[:4]}:{address.packed.hex()[4:]}"
    for host in (f"::{packed}", f"::ffff:{packed}", f"64:ff9b::{packed}", f"2002:{packed}::", f"::ffff:{address}"):
        with pytest.raises(UnsafeUrlError):
            check_url(f"https://[{host}]/")


@given(st.text(st.characters() | st.sampled_from("/:@?#[]%.\\" + string.digits), max_size=40))
def test_any_text_is_accepted_or_refused_and_nothing_else(text: str) -> None:
    """Ours: a provider may answer anything where its documents promise a URL."""
    for url in (text, f"https://{text}", f"https://{text}.example.com/", f"https://example.com{text}"):
        with suppress(UnsafeUrlError):
            check_url(url)
        assert shown_url(url).isprintable()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://cdn.example.com/v.mp4", "https://cdn.example.com/v.mp4"),
        ("https://cdn.example.com/a/b/v.mp4?sig=s#t", "https://cdn.example.com/…/v.mp4"),
        ("https://user:pw@cdn.example.com:8443/v.mp4", "https://cdn.example.com:8443/v.mp4"),
        ("https://cdn.example.com?sig=s", "https://cdn.example.com/"),
        ("https://cdn.example.com/" + "x" * 100, "https://cdn.example.com/" + "x" * 40),
        ("nonsense?sig=s", "the address"),
    ],
)
def test_a_url_in_a_message_shows_no_secret(url: str, shown: str) -> None:
    """DESIGN §3: no key in an error, and a signed link is a key."""
    assert shown_url(url) == shown
