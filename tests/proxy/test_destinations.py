"""Where a configuration leads, and as whom we come: worked out anew before every dial."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from proxy import client_certificates
from proxy.addresses import AddressGuard
from proxy.destinations import destination
from proxy.dial import Destination
from proxy.errors import ForbiddenAddress, InvalidTarget
from proxy.parts import RelayParts
from proxy.tls import Identity
from storage.records import ChargerKey, ClientCertificate, ProxyConfiguration
from storage.sinks.port import Endpoint
from storage.store import Storage
from tests.certificates import DAY, Issued, authority, certificate, issued
from tests.doubles import until
from tests.proxy.stage import CLOCK, OCPP16, OCPP201, Stage, Target, configuration, staged

SECRET = "s3cr3t"


class Names:
    """A resolver that leads to one address after the other, and then stays with the last."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = list(addresses)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int, **_: Any) -> Sequence[Any]:
        self.asked.append(host)
        address = self.addresses.pop(0) if len(self.addresses) > 1 else self.addresses[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]


def guard(names: Names) -> AddressGuard:
    return AddressGuard([ip_network("127.0.0.1/32")], allow_insecure=True, lookup=names)


async def stored(storage: Storage, organization_uuid: str, issued: Issued) -> str:
    """Store a client certificate and return its id."""
    read = client_certificates.read(issued.chain, issued.key, CLOCK.now() - 400 * DAY)
    kept = ClientCertificate(
        certificate_id=f"cert-{read.sha256[:8]}",
        organization_uuid=organization_uuid,
        name="Main_CSMS",
        chain=read.chain,
        private_key=read.private_key,
        sha256=read.sha256,
        subject=read.subject,
        not_before=read.not_before,
        not_after=read.not_after,
        created_at=CLOCK.now(),
    )
    await storage.client_certificates.add(kept)
    return kept.certificate_id


def with_certificate(id: str) -> dict[str, str]:
    return {
        "target_authentication_method": "ClientCertificate",
        "target_auth_client_cert_id": id,
        "target_ca_certificate": authority(),
    }


async def found(stage: Stage, url: str, charge_box_id: str = "CP-1", **fields: Any) -> Destination:
    """Return where a configuration leads, in a world where every name is loopback."""
    parts = RelayParts(storage=stage.storage, guard=guard(Names("127.0.0.1")), clock=CLOCK)
    key = ChargerKey(stage.organization_uuid, charge_box_id)
    return await destination(configuration(key, url, **fields), OCPP16, parts)


# ---- where ----


async def test_the_url_is_filled_and_its_host_looked_up(stage: Stage) -> None:
    to = await found(stage, "wss://x.example/ocpp/{charge_box_id}", "CP 1")

    assert to.url == "wss://x.example/ocpp/CP%201"
    assert to.endpoints == [Endpoint(socket.AF_INET, ("127.0.0.1", 443))]
    assert to.subprotocol == OCPP16


INJECTIONS = (
    "{target_charge_box_id}",
    "a/../../b",
    "/",
    "//evil.example",
    "@evil.example",
    "x@evil.example:443",
    "#",
    "?x=y",
    "%2f..%2f",
    "%00",
    "\r\nX-Injected: 1",
    "\\evil.example",
    "☃",
)


@pytest.mark.parametrize("id", INJECTIONS)
@pytest.mark.parametrize("template", ["/{charge_box_id}", "/a?id={charge_box_id}&x=1"])
async def test_no_id_moves_the_dial(stage: Stage, id: str, template: str) -> None:
    to = await found(stage, f"wss://x.example:8443{template}", id)
    head, tail = template.split("{charge_box_id}")

    assert to.endpoints == [Endpoint(socket.AF_INET, ("127.0.0.1", 8443))]
    assert to.url.startswith(f"wss://x.example:8443{head}")
    assert to.url.endswith(tail)
    inserted = to.url.removeprefix(f"wss://x.example:8443{head}").removesuffix(tail)
    assert inserted.isascii()
    assert set(inserted).isdisjoint("/?#@&\\{}\r\n ")


@pytest.mark.parametrize("id", INJECTIONS)
async def test_no_id_of_the_target_moves_the_dial(stage: Stage, id: str) -> None:
    to = await found(stage, "wss://x.example/{target_charge_box_id}", target_charge_box_id=id)

    assert to.url.startswith("wss://x.example/")
    assert set(to.url.removeprefix("wss://x.example/")).isdisjoint("/?#@&\\{}\r\n ")


async def test_a_name_that_moves_is_judged_again_at_every_dial(
    tmp_path: Path, target: Target
) -> None:
    names = Names("127.0.0.1", "127.0.0.2")
    async with staged(tmp_path, guard=guard(names)) as stage:
        key = await stage.enrol(f"ws://moving.example:{target.port}/ocpp")
        async with stage.charger(key) as charger:
            await charger.boots()
            await stage.reaches(key, "ready")
            await target.hang_up()
            await until(lambda: len(names.asked) >= 3)
            told = await stage.reaches(key, "backoff")

    assert "leads to an address that targets may not have" in (told.last_error or "")
    assert "127.0.0.2" not in (told.last_error or "")
    assert len(target.requests) == 1


async def test_the_second_answer_of_a_resolver_is_never_asked_for(
    tmp_path: Path, target: Target
) -> None:
    names = Names("127.0.0.1", "127.0.0.2")
    parts = RelayParts(storage=None, guard=guard(names), clock=CLOCK)  # type: ignore[arg-type] # not asked here
    to = await destination(
        configuration(ChargerKey("o", "CP-1"), f"ws://x.example:{target.port}/"), OCPP16, parts
    )

    assert to.endpoints == [Endpoint(socket.AF_INET, ("127.0.0.1", target.port))]
    assert names.asked == ["x.example"]


@pytest.mark.parametrize("url", ["wss://127.0.0.2/", "wss://0x7f.2/", "wss://u:p@x.example/"])
async def test_what_was_stored_before_the_rules_is_refused_now(stage: Stage, url: str) -> None:
    with pytest.raises(InvalidTarget):
        await found(stage, url)


async def test_a_forbidden_address_is_not_dialled(stage: Stage) -> None:
    parts = RelayParts(storage=stage.storage, guard=guard(Names("10.0.0.1")), clock=CLOCK)
    inside = configuration(ChargerKey(stage.organization_uuid, "CP-1"), "wss://x.example/")

    with pytest.raises(ForbiddenAddress):
        await destination(inside, OCPP16, parts)


# ---- as whom ----


@pytest.mark.parametrize(
    ("fields", "user"),
    [
        ({}, "CP-1"),
        ({"target_charge_box_id": "T"}, "T"),
        ({"target_charge_box_id": "T", "target_auth_basic_username": "U"}, "U"),
        ({"target_auth_basic_username": "ü"}, "ü"),
    ],
)
async def test_with_basic_we_are_who_we_are_there(
    stage: Stage, fields: dict[str, str], user: str
) -> None:
    basic = {"target_authentication_method": "Basic", "target_auth_basic_password": SECRET}
    to = await found(stage, "wss://x.example/", **basic, **fields)

    assert (to.username, to.password, to.identity) == (user, SECRET.encode(), None)
    assert SECRET not in repr(to)


async def test_what_another_method_left_behind_is_not_shown(stage: Stage) -> None:
    left = {"target_auth_basic_password": SECRET, "target_auth_client_cert_id": "cert"}
    to = await found(stage, "wss://x.example/", **left)

    assert (to.password, to.identity) == (None, None)


async def test_a_client_certificate_is_taken_along(stage: Stage) -> None:
    depot = issued("Depot", ends=365 * DAY)
    id = await stored(stage.storage, stage.organization_uuid, depot)
    to = await found(stage, "wss://x.example/", **with_certificate(id))

    assert to.identity == Identity(*depot)
    assert (to.password, to.warning) == (None, None)
    assert "PRIVATE" not in repr(to)


async def test_the_certificate_of_another_organization_is_not_there(stage: Stage) -> None:
    other = (await stage.storage.organizations.create("Other")).organization_uuid
    id = await stored(stage.storage, other, issued("Depot"))

    with pytest.raises(InvalidTarget, match="The client certificate is not there"):
        await found(stage, "wss://x.example/", **with_certificate(id))


async def test_an_expired_certificate_is_not_shown(stage: Stage) -> None:
    old = issued("Old", begins=-2 * DAY, ends=-DAY)
    id = await stored(stage.storage, stage.organization_uuid, old)

    with pytest.raises(InvalidTarget, match="The client certificate expired on"):
        await found(stage, "wss://x.example/", **with_certificate(id))


async def test_its_near_end_is_told(stage: Stage) -> None:
    soon = issued("Soon", ends=7 * DAY + timedelta(hours=1))
    id = await stored(stage.storage, stage.organization_uuid, soon)
    to = await found(stage, "wss://x.example/", **with_certificate(id))

    assert to.warning == "The client certificate expires in 7 days."


# ---- with a target that demands it ----


def demanding(folder: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(folder, "target.example"))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=authority())
    return context


@pytest.mark.parametrize("subprotocol", [OCPP16, OCPP201])
async def test_a_target_that_demands_a_certificate_gets_it_and_the_charger_is_relayed(
    tmp_path: Path, subprotocol: str
) -> None:
    at_home = guard(Names("127.0.0.1"))
    async with (
        Target().up(ssl=demanding(tmp_path)) as target,
        staged(tmp_path / "data", guard=at_home) as stage,
    ):
        id = await stored(
            stage.storage, stage.organization_uuid, issued("Depot", ends=20 * DAY + DAY / 2)
        )
        url = f"wss://target.example:{target.port}/{{charge_box_id}}"
        key = await stage.enrol(url, **with_certificate(id))
        async with stage.charger(key, subprotocol) as charger:
            await charger.boots()
            told = await stage.reaches(key, "ready")
            await target.link.call("TriggerMessage", b'{"requestedMessage":"Heartbeat"}')
            await target.hears("Heartbeat")

    [request] = target.requests
    assert request.path == "/CP-1"
    assert "Authorization" not in request.headers
    assert told.last_error == "The client certificate expires in 20 days."


@pytest.mark.parametrize(
    ("shown", "reason"),
    [
        (
            {**with_certificate("gone"), "target_auth_client_cert_id": "gone"},
            "The client certificate is not there.",
        ),
        ({"target_ca_certificate": authority()}, ""),
    ],
    ids=["gone", "none"],
)
async def test_without_it_the_target_is_not_reached_and_the_charger_does_not_notice(
    tmp_path: Path, shown: dict[str, str], reason: str
) -> None:
    at_home = guard(Names("127.0.0.1"))
    async with (
        Target().up(ssl=demanding(tmp_path)) as target,
        staged(tmp_path / "data", guard=at_home) as stage,
    ):
        key = await stage.enrol(f"wss://target.example:{target.port}/", **shown)
        async with stage.charger(key) as charger:
            assert (await charger.boots())["status"] == "Accepted"
            told = await stage.reaches(key, "backoff")

    assert target.requests == []
    assert reason in (told.last_error or "")
    assert told.last_error


async def test_a_certificate_that_expires_is_told_and_a_new_one_is_taken_up(
    tmp_path: Path,
) -> None:
    at_home = guard(Names("127.0.0.1"))
    async with (
        Target().up(ssl=demanding(tmp_path)) as target,
        staged(tmp_path / "data", guard=at_home) as stage,
    ):
        old = issued("Old", begins=-2 * DAY, ends=-DAY)
        expired = await stored(stage.storage, stage.organization_uuid, old)
        valid = await stored(stage.storage, stage.organization_uuid, issued("New", ends=365 * DAY))
        url = f"wss://target.example:{target.port}/"
        key = await stage.enrol(url, **with_certificate(expired))
        async with stage.charger(key) as charger:
            await charger.boots()
            told = await stage.reaches(key, "backoff")
            await stage.change(key, target_auth_client_cert_id=valid)
            await stage.reaches(key, "ready")

    assert "The client certificate expired on" in (told.last_error or "")


def test_a_configuration_tells_nothing_of_its_password() -> None:
    told = configuration(ChargerKey("o", "c"), "wss://x/", target_auth_basic_password=SECRET)

    assert isinstance(told, ProxyConfiguration)
    assert SECRET not in repr(replace(told, enabled=False))
