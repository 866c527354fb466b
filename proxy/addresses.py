"""Decide which addresses may be dialled, so that no tenant's URL reaches into a network of ours.

Targets are, and the object stores of `proxy.store_door`; they differ in words alone (`UrlKind`).

Two moments: `check_url` when a URL is saved, where names stay unresolved because many enrol
before their target exists; `resolve` at every dial, where the caller connects to what was vetted
and never looks the name up again (a name may answer differently the second time).
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, TypeAlias
from urllib.parse import SplitResult, urlsplit

from proxy.errors import ForbiddenAddress, InvalidTarget, TargetUnreachable
from storage.sinks.port import Endpoint

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network
Lookup: TypeAlias = Callable[..., Awaitable[Sequence[Any]]]

TARGET_URL = "target_websocket_url"
DEFAULT_PORTS = {"ws": 80, "wss": 443, "http": 80, "https": 443}

# Our own list, because `is_global` differs between Python releases and lets tunnels through.
_CLOSED: tuple[Network, ...] = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier NAT; cloud metadata 100.100.100.200
        "127.0.0.0/8",
        "168.63.129.16/32",  # cloud metadata on an address that looks public
        "169.254.0.0/16",  # link local; cloud metadata 169.254.169.254
        "172.16.0.0/12",
        "192.0.0.0/24",  # protocol assignments; cloud metadata 192.0.0.192
        "192.0.2.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "::/3",  # loopback, v4-compatible, NAT64
        "2001::/23",  # Teredo, ORCHID, benchmarks
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "3fff::/20",
        "4000::/2",
        "8000::/1",  # private, link local, site local, multicast
    )
)
_UNREADABLE = re.compile(r"[\s\\\x00-\x1f\x7f]")
_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]*|[0-9]+")


@dataclass(frozen=True, slots=True)
class UrlKind:
    """What a URL leads to: the field that it is given in, its schemes, and how it is called."""

    field: str
    secure: str
    plain: str
    them: str


TARGET = UrlKind(TARGET_URL, "wss", "ws", "targets")
STORE = UrlKind("endpoint_url", "https", "http", "object stores")


@dataclass(frozen=True, slots=True)
class AddressGuard:
    """Permit public addresses, and the private ones inside ``allowed_networks``.

    ``lookup`` finds a name's addresses; None is the event loop's own.
    """

    allowed_networks: Sequence[Network] = ()
    allow_insecure: bool = False
    lookup: Lookup | None = None

    def permits(self, address: Address) -> bool:
        """Tell whether a target may have this address."""
        return _public(_unwrapped(address)) or self._allowed(address)

    def check_url(self, url: str, to: UrlKind = TARGET) -> None:
        """Raise InvalidTarget where no dial of this URL could ever be permitted."""
        reason = self._fault(url, to)
        if reason is not None:
            raise InvalidTarget(to.field, reason)

    async def resolve(self, host: str, port: int, to: UrlKind = TARGET) -> list[Endpoint]:
        """Look the host up once and return its addresses, if every one of them is permitted.

        Raises ForbiddenAddress or TargetUnreachable; the caller sets the deadline.
        """
        lookup = self.lookup or asyncio.get_running_loop().getaddrinfo
        try:
            found = await lookup(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as fault:
            raise TargetUnreachable(f"The host {host} does not resolve.") from fault
        if not found:
            raise TargetUnreachable(f"The host {host} has no address.")
        endpoints = [Endpoint(family, sockaddr) for family, *_, sockaddr in found]
        if not all(self._admits(ip_address(each.sockaddr[0]), port) for each in endpoints):
            # The address stays untold: names of the inside are none of the configuration's owner.
            raise ForbiddenAddress(
                f"The host {host} leads to an address that {to.them} may not have."
            )
        return endpoints

    def _allowed(self, address: Address) -> bool:
        return any(_unwrapped(address) in network for network in self.allowed_networks)

    def _admits(self, address: Address, port: int) -> bool:
        return self._allowed(address) or (_ordinary(port) and self.permits(address))

    def _fault(self, url: str, to: UrlKind) -> str | None:
        # urlsplit silently drops tabs, newlines and leading blanks: what it reads is not what we
        # dial.
        if _UNREADABLE.search(url):
            return "The URL must not have blanks, backslashes or control characters."
        try:
            parts = urlsplit(url)
            port = DEFAULT_PORTS.get(parts.scheme) if parts.port is None else parts.port
        except ValueError:
            return "The URL cannot be read."
        return (
            self._fault_of_scheme(parts.scheme, to)
            or next((reason for wrong, reason in _FAULTS if wrong(url, parts)), None)
            or self._fault_of_host(parts.hostname or "", port or 0, to)
        )

    def _fault_of_scheme(self, scheme: str, to: UrlKind) -> str | None:
        if scheme == to.plain and not self.allow_insecure:
            return f"{to.plain}:// needs RINGMAIN_ALLOW_INSECURE_TARGETS; use {to.secure}://."
        if scheme not in {to.plain, to.secure}:
            return f"The URL must start with {to.secure}:// or {to.plain}://."
        return None

    def _fault_of_host(self, host: str, port: int, to: UrlKind) -> str | None:
        try:
            literal = address_in(host)
        except ValueError:
            return "The host is neither a name nor an address."
        if literal is not None and not self.permits(literal):
            return (
                f"The address {literal} is closed to {to.them} (RINGMAIN_ALLOWED_TARGET_NETWORKS)."
            )
        exempt = self.allowed_networks if literal is None else self._allowed(literal)
        if not _ordinary(port) and not exempt:
            return f"Port {port} is closed: use 80, 443 or 1024 to 65535."
        return None


_FAULTS: tuple[tuple[Callable[[str, SplitResult], object], str], ...] = (
    (lambda _, parts: "@" in parts.netloc, "The URL must not carry a user or a password."),
    (lambda url, _: "#" in url, "The URL must not have a fragment."),
    (lambda _, parts: not parts.hostname, "The URL needs a host."),
    (lambda _, parts: "%" in parts.netloc, "The host must not be percent-encoded."),
)


def _ordinary(port: int) -> bool:
    return port in DEFAULT_PORTS.values() or 1024 <= port <= 65535


def _unwrapped(address: Address) -> Address:
    inner = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return inner or address


def _public(address: Address) -> bool:
    return address.is_global and not any(address in network for network in _CLOSED)


def address_in(host: str) -> Address | None:
    """Return the address that the dial would read in this host, None where it is a name.

    The idna codec is what `getaddrinfo` applies: it turns circled digits and ideographic full
    stops into plain ones. Raises ValueError where the host is neither name nor address.
    """
    if ":" in host:
        return IPv6Address(host)
    name = host.encode("idna").decode("ascii").removesuffix(".")
    if not _NAME.fullmatch(name):
        raise ValueError(name)
    labels = name.split(".")
    return _ipv4(labels) if _NUMBER.fullmatch(labels[-1]) else None


def _ipv4(labels: list[str]) -> IPv4Address:
    """Read one to four numbers, decimal, octal or hexadecimal, as `inet_aton` does."""
    *heads, tail = [_number(label) for label in labels]
    if len(labels) > 4 or any(head > 255 for head in heads) or tail >= 256 ** (4 - len(heads)):
        raise ValueError(labels)
    return IPv4Address(sum(head << 8 * (3 - i) for i, head in enumerate(heads)) + tail)


def _number(label: str) -> int:
    if not _NUMBER.fullmatch(label):
        raise ValueError(label)
    if label[:2] in {"0x", "0X"}:
        return int(label[2:] or "0", 16)
    return int(label, 8 if label[0] == "0" else 10)
