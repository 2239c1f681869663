"""Addresses that may not be called, however they are written."""

from __future__ import annotations

import ipaddress

import pytest

from taskflow.errors import ConfigurationError
from taskflow.kernel.webhooks import AddressRefused
from taskflow.webhooks.guard import Rules, is_public

RULES = Rules()

INSIDE = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200",
    "127.0.0.1", "127.255.255.254", "169.254.169.254", "169.254.170.2", "172.16.0.1",
    "172.31.255.255", "192.0.0.1", "192.0.0.192", "192.0.2.1", "192.168.0.1", "192.88.99.1",
    "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1",
    "255.255.255.255", "168.63.129.16", "::", "::1", "::7f00:1", "::ffff:127.0.0.1",
    "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:0:127.0.0.1", "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1", "2001::1", "2001:0:7f00:1::",
    "2001:db8::1", "2001:10::1", "2002:7f00:1::", "2002:808:808::1", "3fff::1", "5f00::1",
    "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1", "4000::1",
]  # fmt: skip
OUTSIDE = [
    "8.8.8.8", "1.1.1.1", "172.15.0.1", "172.32.0.1", "192.167.0.1", "100.63.255.255",
    "2606:4700:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8", "64:ff9b::808:808",
]  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
def test_what_is_inside_is_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))
    target = RULES.parse("https://a.example/")
    with pytest.raises(AddressRefused):
        RULES.check(target, [address])
    with pytest.raises(AddressRefused):  # all answers must be good, not one
        RULES.check(target, ["8.8.8.8", address])


@pytest.mark.parametrize("address", OUTSIDE)
def test_what_is_outside_is_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))
    assert len(RULES.check(RULES.parse("https://a.example/"), [address])) == 1


def test_no_address_the_library_calls_private_passes() -> None:
    """A second opinion over a walk of the whole of IPv4: where it says private, so do we."""
    for block in range(0, 1 << 32, 65_521):
        address = ipaddress.IPv4Address(block)
        if address.is_private or address.is_reserved or address.is_multicast:
            assert not is_public(address), address


SPELLINGS = [
    "http://0x7f000001/", "https://0x7f.1/", "https://2130706433/", "https://017700000001/",
    "https://0177.0.0.1/", "https://127.1/", "https://127.0.1/", "https://0/",
    "https://127.0.0.1./", "https://127.0.0.01/", "https://0x7f.0.0.0x1/",
    "https://999.1.1.1/", "https://1.2.3.4.5/", "https://a.0x10/", "https://[::1%25eth0]/",
    "https://[::1%eth0]/", "https://[v1.x]/", "https://[]/", "https://①②⑦.⓪.⓪.①/",
    "https://\uff4cocalhost/", "https://ex。ample/", "https://exämple.com/", "https://127。0。0。1/",
    "https://user@a.example/", "https://user:pw@a.example/", "https://a.example@127.0.0.1/",
    "https://a.example\\@127.0.0.1/", "https://a.example#@127.0.0.1/",
    "https://a.example:80@127.0.0.1/", "https:///a.example/", "https:/a.example/",
    "https:a.example", "//a.example/", "a.example", "", "ftp://a.example/",
    "file:///etc/passwd", "gopher://a.example/", "javascript:alert(1)",
    "https://a.example/\r\nX: y", "https://a.example/ x", "https://a..example/",
    "https://-a.example/", "https://.a.example/", "https://a.example:/",
    "https://a.example:0/", "https://a.example:99999/", "https://a.example:22/",
    "https://a.example:25/", "https://a.example:587/", "https://a.example:5432/",
    "https://a.example:6379/", "https://a.example:11211/", "https://a.example:080/",
    "HTTPS://a.example/", "https://a.example/\x00", "https://" + "a." * 127 + "aa/",
    "http://a.example/", "https://" + "a" * 64 + ".example/",
    "https://a.example/" + "x" * 2000, "https://%31%32%37.0.0.1/",
]  # fmt: skip


@pytest.mark.parametrize("url", SPELLINGS)
def test_misleading_spellings_are_refused_or_found_out(url: str) -> None:
    with pytest.raises(AddressRefused):
        RULES.check(RULES.parse(url), ["127.0.0.1"])
    if "080" not in url and "127.0.0.1./" not in url:
        with pytest.raises(AddressRefused):
            RULES.parse(url)


@pytest.mark.parametrize(
    ("url", "host", "port", "path", "authority"),
    [
        ("https://A.Example./a?b=c", "a.example", 443, "/a?b=c", "a.example"),
        ("https://a.example:8443", "a.example", 8443, "/", "a.example:8443"),
        ("https://a.example?x", "a.example", 443, "/?x", "a.example"),
        ("https://8.8.8.8:443/", "8.8.8.8", 443, "/", "8.8.8.8"),
        ("https://[2606:4700::1]/", "2606:4700::1", 443, "/", "[2606:4700::1]"),
        ("https://xn--bcher-kva.example:3000/", "xn--bcher-kva.example", 3000, "/",
         "xn--bcher-kva.example:3000"),
        ("https://my_host.example/%20", "my_host.example", 443, "/%20", "my_host.example"),
    ],
)  # fmt: skip
def test_plain_ones_are_taken_apart(
    url: str, host: str, port: int, path: str, authority: str
) -> None:
    target = RULES.parse(url)
    assert (target.host, target.port, target.path, target.authority) == (
        host,
        port,
        path,
        authority,
    )


def test_what_is_allowed_in_spite_of_it() -> None:
    rules = Rules.of("10.1.0.0/16, fd00::/8, hooks.internal, 127.0.0.1", http=True)
    inside = rules.parse("http://a.internal:8080/")
    assert rules.check(inside, ["10.1.2.3", "fd00::1", "127.0.0.1", "::ffff:10.1.2.3"])
    for address in ("10.2.0.1", "127.0.0.2", "fe80::1", "::ffff:10.2.0.1"):
        with pytest.raises(AddressRefused):
            rules.check(inside, [address])
    assert rules.check(rules.parse("https://Hooks.Internal/"), ["192.168.1.1"]) == ["192.168.1.1"]
    with pytest.raises(AddressRefused):
        rules.check(rules.parse("https://x.hooks.internal/"), ["192.168.1.1"])


def test_a_host_without_an_address_is_refused() -> None:
    with pytest.raises(AddressRefused):
        RULES.check(RULES.parse("https://a.example/"), [])


@pytest.mark.parametrize("allow", ["10.0.0.0/99", "a b", "http://x", "*"])
def test_a_setting_that_means_nothing_is_refused(allow: str) -> None:
    with pytest.raises(ConfigurationError):
        Rules.of(allow, http=False)
