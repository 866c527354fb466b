"""No URL, no name and no spelling leads a target into a network that is not open to it."""

from __future__ import annotations

import socket
from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from proxy.addresses import AddressGuard, Lookup
from proxy.errors import ForbiddenAddress, InvalidTarget, TargetUnreachable
from storage.sinks.port import Endpoint

STRICT = AddressGuard()
INSECURE = AddressGuard(allow_insecure=True)
HOME = AddressGuard([ip_network("127.0.0.0/8"), ip_network("fd00::/8")], allow_insecure=True)

CLOSED = [
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b:1::7f00:1",
    "100::1",
    "2001::1",
    "2001:0:7f00:1::",
    "2001:db8::1",
    "2002:7f00:1::",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%1",
    "fec0::1",
    "ff02::1",
]
OPEN = [
    "1.1.1.1",
    "8.8.8.8",
    "100.63.255.255",
    "100.128.0.1",
    "168.63.129.17",
    "172.32.0.1",
    "223.255.255.255",
    "::ffff:8.8.8.8",
    "2001:4860:4860::8888",
    "2606:4700:4700::1111",
    "2a00:1450:4001:82a::200e",
]


@pytest.mark.parametrize("address", CLOSED)
def test_an_address_that_is_not_public_is_closed(address: str) -> None:
    assert not STRICT.permits(ip_address(address))


@pytest.mark.parametrize("address", OPEN)
def test_a_public_address_is_open(address: str) -> None:
    assert STRICT.permits(ip_address(address))


@pytest.mark.parametrize("address", ["127.0.0.1", "::ffff:127.0.0.1", "fd00::1", "8.8.8.8"])
def test_an_allowed_network_opens_its_addresses_and_closes_none(address: str) -> None:
    assert HOME.permits(ip_address(address))


def test_an_allowed_network_opens_no_other() -> None:
    assert not HOME.permits(ip_address("10.0.0.1"))


# ---- URLs ----

REFUSED = {
    "http://example.com/": "start with wss:// or ws://",
    "example.com/ocpp": "start with wss:// or ws://",
    "//example.com": "start with wss:// or ws://",
    "ws://example.com": "RINGMAIN_ALLOW_INSECURE_TARGETS",
    "wss://user@example.com": "user or a password",
    "wss://user:secret@example.com": "user or a password",
    "wss://8.8.8.8@127.0.0.1": "user or a password",
    "wss://example.com/#part": "fragment",
    "wss://example.com/#": "fragment",
    "wss://": "needs a host",
    "wss:///ocpp": "needs a host",
    "wss://:443/": "needs a host",
    "wss:example.com": "needs a host",
    "wss://exa mple.com": "blanks",
    "wss://example.com/a b": "blanks",
    "wss://example.com\t/": "blanks",
    " wss://example.com": "blanks",
    "wss://example.com\\@127.0.0.1": "blanks, backslashes",
    "wss://example.com\x00/": "control characters",
    "wss://[::1": "cannot be read",
    "wss://example.com:0": "Port 0 is closed",
    "wss://example.com:22": "Port 22 is closed",
    "wss://example.com:1023": "Port 1023 is closed",
    "wss://8.8.8.8:25": "Port 25 is closed",
    "wss://example.com:65536": "cannot be read",
    "wss://example.com:x": "cannot be read",
    "wss://exa\u2100mple.com": "cannot be read",  # an `a/c` sign: its slash would end the host
    "wss://example..com": "neither a name nor an address",
    "wss://exam!ple.com": "neither a name nor an address",
    "wss://1.2.3.4.5": "neither a name nor an address",
    "wss://256.1.1.1": "neither a name nor an address",
    "wss://08.8.8.8": "neither a name nor an address",
    "wss://4294967296": "neither a name nor an address",
    "wss://example.123": "neither a name nor an address",
}
LOOPBACKS = [
    "127.0.0.1",
    "127.0.0.1.",
    "127.1",
    "127.0.1",
    "0x7f.1",
    "0X7F.0.0.1",
    "0x7f000001",
    "2130706433",
    "017700000001",
    "0177.0.0.1",
    "0000177.0.0.1",
    "0",
    "0x",
    "0.0.0.0",
    "\u2460\u2461\u2466.\u24ea.\u24ea.\u2460",  # circled digits
    "\uff11\uff12\uff17.\uff10.\uff10.\uff11",  # full-width digits
    "127\u30020\u30020\u30021",  # ideographic full stops
    "127\uff0e0\uff61\uff10.1",
    "127.0.0.\u00ad1",  # a soft hyphen, which vanishes
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
]


@pytest.mark.parametrize(("url", "reason"), REFUSED.items())
def test_a_url_that_can_never_be_dialled_is_refused_with_its_reason(url: str, reason: str) -> None:
    with pytest.raises(InvalidTarget, match=reason) as refused:
        STRICT.check_url(url)
    assert refused.value.field == "target_websocket_url"


@pytest.mark.parametrize("host", LOOPBACKS)
def test_no_spelling_of_loopback_passes(host: str) -> None:
    with pytest.raises(InvalidTarget, match="is closed to targets"):
        STRICT.check_url(f"wss://{host}/ocpp")


@pytest.mark.parametrize("host", ["127%2e0.0.1", "%31%32%37.0.0.1", "[fe80::1%25eth0]", "e%78.com"])
def test_a_percent_encoded_host_is_refused_whatever_it_means(host: str) -> None:
    with pytest.raises(InvalidTarget, match="percent-encoded"):
        HOME.check_url(f"wss://{host}/ocpp")


@pytest.mark.parametrize(
    "url",
    [
        "wss://example.com",
        "WSS://Example.COM:443/a/b?c=%20d",
        "wss://example.com:1024",
        "wss://example.com:65535/",
        "wss://example.com:/",
        "wss://example.com./ocpp",
        "wss://m\u00fcnchen.example/ocpp",
        "wss://csms_1.internal/ocpp",
        "wss://0x08080808/ocpp",
        "wss://8.8.8.8:8080/ocpp?x@y",
        "wss://[2606:4700:4700::1111]:8443/ocpp",
        "wss://localhost/ocpp",  # a name like any other: it is resolved, and judged, at the dial
    ],
)
def test_a_url_that_could_be_dialled_passes(url: str) -> None:
    STRICT.check_url(url)


def test_plain_ws_passes_where_the_operator_allows_it() -> None:
    INSECURE.check_url("ws://example.com/ocpp")


def test_a_low_port_passes_only_inside_an_allowed_network() -> None:
    HOME.check_url("ws://127.0.0.1:81/ocpp")
    HOME.check_url("ws://csms.internal:81/ocpp")  # decided at the dial
    with pytest.raises(InvalidTarget, match="Port 81"):
        HOME.check_url("ws://8.8.8.8:81/ocpp")


# ---- names ----


class Resolver:
    """Answer each lookup with the next list of addresses."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers, self.lookups = list(answers), 0

    async def __call__(self, host: str, port: int, **_: Any) -> list[Any]:
        self.lookups += 1
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, port, 0, 0))
            if ":" in address
            else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in self.answers.pop(0)
        ]


def asking(guard: AddressGuard, lookup: Lookup) -> AddressGuard:
    return replace(guard, lookup=lookup)


async def test_a_name_gives_its_addresses_in_the_order_of_the_resolver() -> None:
    resolver = Resolver(["2606:4700::1", "8.8.8.8"])

    assert await asking(STRICT, resolver).resolve("x.example", 443) == [
        Endpoint(socket.AF_INET6, ("2606:4700::1", 443, 0, 0)),
        Endpoint(socket.AF_INET, ("8.8.8.8", 443)),
    ]


async def test_one_closed_address_closes_the_name() -> None:
    with pytest.raises(ForbiddenAddress, match=r"x\.example"):
        await asking(STRICT, Resolver(["8.8.8.8", "::ffff:127.0.0.1"])).resolve("x.example", 443)


async def test_a_name_is_looked_up_once_so_its_second_answer_does_not_count() -> None:
    flipping = Resolver(["8.8.8.8"], ["127.0.0.1"])

    (endpoint,) = await asking(STRICT, flipping).resolve("x.example", 443)

    assert endpoint.sockaddr == ("8.8.8.8", 443)
    assert flipping.lookups == 1


async def test_the_refusal_does_not_tell_the_address() -> None:
    with pytest.raises(ForbiddenAddress) as refused:
        await asking(STRICT, Resolver(["10.20.30.40"])).resolve("db.internal", 443)
    assert "10.20" not in str(refused.value)


async def test_a_low_port_of_a_name_is_decided_by_its_addresses() -> None:
    assert len(await asking(HOME, Resolver(["127.0.0.9"])).resolve("csms.internal", 81)) == 1
    with pytest.raises(ForbiddenAddress):
        await asking(HOME, Resolver(["127.0.0.9", "8.8.8.8"])).resolve("csms.internal", 81)


async def test_a_name_without_an_address_is_unreachable() -> None:
    with pytest.raises(TargetUnreachable, match="no address"):
        await asking(STRICT, Resolver([])).resolve("x.example", 443)


async def test_a_name_that_does_not_resolve_is_unreachable() -> None:
    async def nobody(*_: Any, **__: Any) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    with pytest.raises(TargetUnreachable, match="does not resolve"):
        await asking(STRICT, nobody).resolve("x.example", 443)


async def test_a_name_that_cannot_be_encoded_is_unreachable() -> None:
    with pytest.raises(TargetUnreachable, match="does not resolve"):
        await STRICT.resolve("x" * 64 + ".example", 443)


@pytest.mark.parametrize("address", CLOSED)
async def test_no_closed_address_is_found_by_the_system_resolver(address: str) -> None:
    with pytest.raises((ForbiddenAddress, TargetUnreachable)):
        await STRICT.resolve(address, 443)


@pytest.mark.parametrize("host", ["127.1", "0x7f.1", "2130706433", "0177.0.0.1", "0", "localhost"])
async def test_the_system_resolver_is_judged_too(host: str) -> None:
    with pytest.raises(ForbiddenAddress):
        await STRICT.resolve(host, 443)
