"""No endpoint_url, no name and no answer of one leads a sink into a network that is not open."""

from __future__ import annotations

import socket
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest

from proxy.addresses import AddressGuard, Lookup
from proxy.store_door import StoreDoor
from storage.records import SinkRecord
from storage.sinks.errors import SinkError, SinkRefused, SinkUnavailable
from storage.sinks.port import Endpoint, Outside
from storage.sinks.s3 import open_s3
from tests.proxy.test_addresses import CLOSED, LOOPBACKS, Resolver
from tests.storage.doubles import NOON
from tests.storage.sinks.strangers import answer, meeting, saying

STRICT = StoreDoor(AddressGuard())
HOME = StoreDoor(AddressGuard([ip_network("127.0.0.0/8")], allow_insecure=True))

STORED = answer("200 OK", 'ETag: "0"')

REFUSED = {
    "wss://example.com/": "start with https:// or http://",
    "file:///etc/passwd": "start with https:// or http://",
    "gopher://example.com": "start with https:// or http://",
    "example.com": "start with https:// or http://",
    "http://example.com": "RINGMAIN_ALLOW_INSECURE_TARGETS; use https://",
    "https://user@example.com": "user or a password",
    "https://user:secret@example.com": "user or a password",
    "https://8.8.8.8@127.0.0.1": "user or a password",
    "https://example.com/#part": "fragment",
    "https://example.com/#": "fragment",
    "https://example.com/?": "query",
    "https://example.com/?x=https://y": "query",
    "https://example.com?@127.0.0.1": "query",
    "https://": "needs a host",
    "https:///bucket": "needs a host",
    "https://:443/": "needs a host",
    "https:example.com": "needs a host",
    "https://exa mple.com": "blanks",
    "https://example.com\r\nHost: x": "blanks",
    "https://example.com\\@127.0.0.1": "backslashes",
    "https://[::1": "cannot be read",
    "https://example.com:0": "Port 0 is closed",
    "https://example.com:22": "Port 22 is closed",
    "https://8.8.8.8:25": "Port 25 is closed",
    "https://example.com:x": "cannot be read",
    "https://127%2e0.0.1": "percent-encoded",
    "https://exam!ple.com": "neither a name nor an address",
    "https://169.254.169.254/latest/meta-data": "closed to object stores",
    "https://[fd00:ec2::254]/latest": "closed to object stores",
}


@pytest.mark.parametrize(("url", "reason"), REFUSED.items())
def test_an_endpoint_that_can_never_be_asked_is_refused_with_its_reason(
    url: str, reason: str
) -> None:
    with pytest.raises(SinkRefused, match=reason) as refused:
        STRICT.check(url)

    assert str(refused.value).startswith("endpoint_url cannot work: ")
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("host", LOOPBACKS)
def test_no_spelling_of_loopback_passes(host: str) -> None:
    with pytest.raises(SinkRefused, match="closed to object stores"):
        STRICT.check(f"https://{host}:9000/")


@pytest.mark.parametrize(
    "url",
    [
        "https://fra1.digitaloceanspaces.com",
        "HTTPS://Minio.Example.com:9000/",
        "https://example.com:443/tenant/a%20b",
        "https://8.8.8.8",
        "https://[2606:4700:4700::1111]:8443",
        "https://localhost:9000",  # a name like any other: it is resolved, and judged, at the dial
    ],
)
def test_an_endpoint_that_could_be_asked_passes(url: str) -> None:
    STRICT.check(url)


@pytest.mark.parametrize("url", ["http://127.0.0.1:81/account", "http://minio.internal:81"])
def test_plain_http_and_low_ports_pass_where_the_operator_allows_them(url: str) -> None:
    HOME.check(url)


# ---- names ----


def led(door: StoreDoor, lookup: Lookup) -> StoreDoor:
    return StoreDoor(replace(door.guard, lookup=lookup))


async def refusal(door: StoreDoor, host: str) -> SinkError:
    with pytest.raises(SinkError) as raised:
        await door.resolve(host, 443)
    return raised.value


async def test_a_name_gives_its_addresses() -> None:
    assert await led(STRICT, Resolver(["8.8.8.8"])).resolve("s3.example", 443) == [
        Endpoint(socket.AF_INET, ("8.8.8.8", 443))
    ]


async def test_one_closed_address_closes_the_name_and_is_not_told() -> None:
    told = await refusal(led(STRICT, Resolver(["8.8.8.8", "10.20.30.40"])), "db.internal")

    assert isinstance(told, SinkRefused)
    assert "db.internal" in str(told)
    assert "RINGMAIN_ALLOWED_TARGET_NETWORKS" in str(told)
    assert "10.20" not in str(told)


async def test_every_look_up_is_judged_anew() -> None:
    flipping = led(STRICT, Resolver(["8.8.8.8"], ["127.0.0.1"]))

    await flipping.resolve("s3.example", 443)

    assert isinstance(await refusal(flipping, "s3.example"), SinkRefused)


@pytest.mark.parametrize("address", CLOSED)
async def test_no_closed_address_is_let_through_by_itself(address: str) -> None:
    await refusal(STRICT, address)


async def test_a_name_that_does_not_resolve_may_do_so_later() -> None:
    async def nobody(*_: Any, **__: Any) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    told = await refusal(led(STRICT, nobody), "s3.nowhere.example")

    assert isinstance(told, SinkUnavailable)
    assert "check region, storage_account or endpoint_url" in str(told)


# ---- a sink behind the door ----

FORBIDDEN = "127.0.0.2"


async def stored(door: StoreDoor, endpoint: str) -> None:
    place = {"bucket": "lake", "region": "eu-central-1", "endpoint_url": endpoint}
    record = SinkRecord(
        id="c",
        organization_uuid="o",
        name="lake",
        type="aws_s3",
        configuration=place,
        credentials={"access_key_id": "AKIA", "secret_access_key": "x"},
        token_key="",
        inserted_at=NOON,
        updated_at=NOON,
    )
    sink = await open_s3(record, Outside(door))
    try:
        await sink.put("x", b"x")
        await sink.put("x", b"x")
    finally:
        await sink.close()


def one_address(*answers: list[str]) -> StoreDoor:
    guard = AddressGuard([ip_network("127.0.0.1/32")], allow_insecure=True)
    return StoreDoor(replace(guard, lookup=Resolver(*answers)))


async def test_a_name_that_is_rebound_leads_nowhere() -> None:
    async with (
        meeting(saying(STORED)) as here,
        meeting(saying(STORED), host=FORBIDDEN, port=here.port) as inside,
    ):
        # Once for the name and once for who is there, then for the name again.
        door = one_address(["127.0.0.1"], ["127.0.0.1"], [FORBIDDEN])
        with pytest.raises(SinkRefused, match="may not have"):
            await stored(door, f"http://s3.example:{here.port}")

    assert here.connections == 1
    assert inside.connections == 0


@pytest.mark.parametrize("status", ["301 x", "302 x", "307 x", "308 x"])
async def test_a_redirect_to_an_address_inside_leads_nowhere(status: str) -> None:
    async with meeting(saying(STORED), host=FORBIDDEN) as inside:
        away = answer(status, f"Location: http://{FORBIDDEN}:{inside.port}/lake/x")
        async with meeting(saying(away)) as here:
            with pytest.raises(SinkRefused, match="not followed"):
                await stored(one_address(*[["127.0.0.1"]] * 2), f"http://s3.example:{here.port}")

    assert inside.connections == 0


async def test_an_address_inside_is_refused_before_anything_is_opened() -> None:
    async with meeting(saying(STORED), host=FORBIDDEN) as inside:
        with pytest.raises(SinkRefused, match="closed to object stores"):
            await stored(one_address(), f"http://{FORBIDDEN}:{inside.port}")

    assert inside.connections == 0
