"""Which addresses may be called: rules, without any input or output.

A request that users can aim must not reach what only this machine can see. So the address is
written in one plain way, or refused; every answer of the resolver must be public, or the host is
refused; and what is connected to is an address that was looked at, not a name resolved again.

Ports: those of the web, and from 1024 on, where people run services of their own. The ports of
databases and caches are left out although addresses are checked: an allowed network often holds
some, and several of them take commands out of an HTTP request.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from taskflow.errors import ConfigurationError
from taskflow.kernel.webhooks import AddressRefused

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MAX_URL = 2000
WEB_PORTS = (80, 443)
SERVICE_PORTS = frozenset(
    (1433, 1521, 2049, 2181, 2375, 2376, 2379, 2380, 3306, 4369, 5432, 5433, 5672, 5984, 6379,
     6380, 6432, 7000, 7001, 8086, 9042, 9092, 9160, 9200, 9300, 10250, 10255, 11211, 26379, 27017,
     27018, 27019, 28015, 50000)
)  # fmt: skip
"""Databases, caches, brokers, and the control ports of clusters."""

_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])"
    r"(?::(?P<port>[0-9]{1,5}))?(?P<path>/[!-~]*)?(?P<query>\?[!-~]*)?",
)
_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_NUMERIC = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")

_CLOSED_V4 = tuple(
    ipaddress.IPv4Network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
        "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24",
        "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24",
        "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        "168.63.129.16/32",  # Azure's own: a public number, answered from inside
    )
)  # fmt: skip
_OPEN_V6 = ipaddress.IPv6Network("2000::/3")
_CLOSED_V6 = tuple(
    ipaddress.IPv6Network(text)
    # protocol assignments with Teredo, documentation, 6to4, AS112, documentation
    for text in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
)
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart, once: nobody else parses it again in another way."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def is_plain(self) -> bool:
        return self.scheme == "http"

    @property
    def authority(self) -> str:
        """As the Host header names it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (80 if self.is_plain else 443) else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Rules:
    """What is allowed beyond public addresses by https."""

    networks: tuple[Network, ...] = ()
    hosts: frozenset[str] = frozenset()
    http: bool = False

    @classmethod
    def of(cls, allow: str, http: bool) -> Self:
        """From the settings `webhook_allow` and `webhook_http`."""
        networks, hosts = [], set()
        for part in filter(None, (part.strip() for part in allow.split(","))):
            try:
                networks.append(ipaddress.ip_network(part, strict=False))
            except ValueError:
                if not _is_name(part):
                    raise ConfigurationError(
                        f"webhook_allow: {part!r} is neither a network nor a host",
                        'Write "10.1.0.0/16, hooks.internal".',
                    ) from None
                hosts.add(part.lower().rstrip("."))
        return cls(tuple(networks), frozenset(hosts), http)

    def parse(self, url: str) -> Target:
        """A URL that may be called as far as it can be told without resolving its host.
        Raises `AddressRefused`."""
        found = _URL.fullmatch(url) if len(url) <= MAX_URL else None
        if found is None or "#" in url or "\\" in url:
            raise AddressRefused(
                "the URL is not http(s)://host[:port]/path in plain ASCII",
                "No user, password or fragment; write other letters as xn-- or %XX.",
            )
        target = _target(found)
        if target.is_plain and not self.http:
            raise AddressRefused("plain http is not allowed", "Use https, or set webhook_http.")
        if target.port not in WEB_PORTS and (
            target.port < 1024 or target.port > 65535 or target.port in SERVICE_PORTS
        ):
            raise AddressRefused(
                f"port {target.port} is not allowed",
                "Use 80, 443, or one from 1024 on that belongs to no database.",
            )
        return target

    def check(self, target: Target, addresses: Iterable[str]) -> list[str]:
        """The addresses that a host has, if all of them may be called. Raises `AddressRefused`."""
        found = [_address(text) for text in addresses]
        if not found:
            raise AddressRefused(f"{target.host} has no address")
        for address in found:
            if target.host not in self.hosts and not self.allows(address):
                raise AddressRefused(
                    f"{target.host} leads to {address}, which is not public",
                    "Set webhook_allow if it is meant to be called.",
                )
        return [str(address) for address in found]

    def allows(self, address: Address) -> bool:
        inner = embedded(address)
        return is_public(address) or any(
            candidate.version == network.version and candidate in network
            for network in self.networks
            for candidate in (address, *([inner] if inner else []))
        )


def is_same(one: str, other: str) -> bool:
    """Are these two spellings of one address?"""
    return ipaddress.ip_address(one) == ipaddress.ip_address(other)


def is_public(address: Address) -> bool:
    """Does everybody on the Internet mean the same machine by it?"""
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _CLOSED_V4)
    inner = embedded(address)
    if inner is not None:
        return is_public(inner)
    return address in _OPEN_V6 and not any(address in network for network in _CLOSED_V6)


def embedded(address: Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that is meant by an IPv6 one, in the two forms that are still in use. Others
    (6to4, Teredo, ::a.b.c.d) are public in no case."""
    if isinstance(address, ipaddress.IPv6Address) and (address in _MAPPED or address in _NAT64):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def _target(found: re.Match[str]) -> Target:
    scheme, host = found["scheme"], found["host"]
    if host.startswith("["):
        host = str(_address(host[1:-1]))
    elif _NUMERIC.fullmatch(host.rstrip(".").rpartition(".")[2]):
        try:  # only as four plain numbers: 127.1, 0x7f000001 and 017700000001 mean localhost
            host = str(ipaddress.IPv4Address(host))
        except ValueError:
            raise AddressRefused(f"{host} is no plain IPv4 address") from None
    elif _is_name(host):
        host = host.lower().rstrip(".")
    else:
        raise AddressRefused(f"{host} is not the name of a host")
    port = int(found["port"]) if found["port"] else 80 if scheme == "http" else 443
    return Target(scheme, host, port, (found["path"] or "/") + (found["query"] or ""))


def _is_name(text: str) -> bool:
    return len(text) <= 253 and all(_LABEL.fullmatch(part) for part in text.rstrip(".").split("."))


def _address(text: str) -> Address:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise AddressRefused(f"{text[:60]} is no address") from None
    if getattr(address, "scope_id", None):
        raise AddressRefused(f"{text[:60]} belongs to one network only")
    return address
