"""S-09: no URL of anybody's leads where it may not, however it is written or answered.

Watched are the sockets of the server: an address that it has connected to would be seen, whether
anybody listens there or not.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from simulators.charger import Charger
from simulators.fleet import Fleet
from tests.doubles import PATIENCE, until
from tests.proxy.test_addresses import CLOSED, LOOPBACKS
from tests.security.ground import Ground, Outside, answering, proxy, sending_to, served, trap
from tests.stores import GcpOAuth, Words

pytestmark = pytest.mark.sqlite_only("where somebody is dialled is not stored")

NAME = "somewhere.example"
AWS = {"access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": "s" * 40}
AZURE = {"account_key": "c2VjcmV0" * 11}
LITERALS = [
    f"[{address}]" if ":" in address else address for address in CLOSED if "%" not in address
]


@pytest.fixture
async def ground(tmp_path: Path, outside: Outside) -> AsyncIterator[Ground]:
    async with served(tmp_path) as ground:
        yield ground


def connector(type: str, configuration: dict[str, Any], credentials: Any = AWS) -> dict[str, Any]:
    return {
        "name": type.replace("_", "-"),
        "type": type,
        "configuration": configuration,
        "credentials": credentials,
        "enabled": False,
    }


def at(url: str) -> Iterator[dict[str, Any]]:
    """Yield connectors of types whose store is at a URL."""
    place = {"endpoint_url": url}
    yield connector("aws_s3", {"bucket": "lake", "region": "eu-west-1", **place})
    yield connector("digital_ocean_spaces", {"bucket": "lake", "region": "nyc3", **place})
    account = {"storage_account": "account", "container": "lake", **place}
    yield connector("azure_storage", account, AZURE)


async def probed(ground: Ground, configuration_id: int) -> list[Any]:
    """Dial a target as its owner may, and return the steps."""
    path = f"{ground.organization}/proxy_configurations/{configuration_id}/test"
    steps: list[Any] = (await ground.ok("POST", path))["steps"]
    return steps


async def proxied(ground: Ground, url: str, **more: object) -> int:
    """Enrol a charger with a proxy to a URL; return the configuration's id."""
    await ground.enrol("CP-1")
    made = await ground.ok(
        "POST", f"{ground.organization}/proxy_configurations", proxy("CP-1", url, **more)
    )
    return int(made["proxy_configuration"]["id"])


# ---- as it is written ----


async def test_a_forbidden_address_is_refused_when_it_is_saved_in_any_spelling(
    ground: Ground, outside: Outside
) -> None:
    await ground.enrol("CP-1")
    path = f"{ground.organization}/proxy_configurations"
    async with trap("0.0.0.0") as laid:
        hosts = [*LITERALS, *LOOPBACKS]
        urls = [f"{scheme}://{host}:{laid.port}/ocpp" for host in hosts for scheme in ("ws", "wss")]
        taken = [url for url in urls if (await ground("POST", path, proxy("CP-1", url)))[0] != 422]

    assert len(LITERALS) >= 26
    assert len(LOOPBACKS) >= 20
    assert taken == []
    assert (laid.touched, outside.dialled(ground)) == ([], [])


async def test_a_forbidden_address_is_refused_as_a_store_in_any_spelling(
    ground: Ground, outside: Outside
) -> None:
    async with trap("0.0.0.0") as laid:
        urls = [f"http://{host}:{laid.port}" for host in (*LITERALS, *LOOPBACKS)]
        taken = [
            (url, body["type"])
            for url in urls
            for body in at(url)
            if (await ground("POST", ground.connectors, body))[0] != 422
        ]

    assert taken == []
    assert (laid.touched, outside.dialled(ground)) == ([], [])


URLS = [
    "http://{}/ocpp",
    "file:///etc/passwd",
    "gopher://{}/",
    "ws://user@{}/ocpp",
    "ws://user:password@{}/ocpp",
    "ws://8.8.8.8@{}/ocpp",
    "ws://{}/ocpp#part",
    "ws://{}\\@8.8.8.8/ocpp",
    "ws://{}\t/ocpp",
    " ws://{}/ocpp",
    "ws://%31%32%37.0.0.1/ocpp",
    "ws:///{}/ocpp",
    "ws:{}",
    "//{}/ocpp",
    "ws://8.8.8.8:22/ocpp",
    "ws://8.8.8.8:1023/ocpp",
    "ws://8.8.8.8:0/ocpp",
    "ws://{{charge_box_id}}/ocpp",
    "ws://8.8.8.8:{{charge_box_id}}/ocpp",
    "ws://{{organization_uuid}}.example/ocpp",
]


async def test_a_url_that_says_more_than_a_host_is_refused(
    ground: Ground, outside: Outside
) -> None:
    await ground.enrol("CP-1")
    path = f"{ground.organization}/proxy_configurations"
    for form in URLS:
        status, told = await ground("POST", path, proxy("CP-1", form.format("127.0.0.1:8080")))
        assert (status, set(told["fields"])) == (422, {"target_websocket_url"}), form

    assert len(URLS) >= 20
    assert outside.dialled(ground) == []


# What is put together to a host: regions, accounts, buckets, containers.
PARTS = [
    "evil.example/#",
    "127.0.0.1/?x=",
    "127.0.0.1:8080/",
    "nyc3@127.0.0.1",
    "127.0.0.1#",
    "..",
    "nyc3.evil.example",
    "nyc3%2eevil",
    "nyc3\r\nHost: evil",
    "localhost\\",
    "127。0。0。1",
    "UPPER case",
]


async def test_a_field_that_becomes_part_of_a_host_is_a_name_and_nothing_else(
    ground: Ground, outside: Outside
) -> None:
    taken = []
    for part in PARTS:
        bucket = part.replace("nyc3.evil.example", "nyc3..evil")  # dots between letters are legal
        for body in (
            connector("aws_s3", {"bucket": "lake", "region": part}),
            connector("aws_s3", {"bucket": bucket, "region": "eu-west-1"}),
            connector("digital_ocean_spaces", {"bucket": "lake", "region": part}),
            connector("digital_ocean_spaces", {"bucket": bucket, "region": "nyc3"}),
            connector("azure_storage", {"storage_account": part, "container": "lake"}, AZURE),
            connector("azure_storage", {"storage_account": "account", "container": part}, AZURE),
        ):
            status, _ = await ground("POST", ground.connectors, body)
            taken += [(body["type"], body["configuration"])] if status != 422 else []

    assert taken == []
    assert outside.dialled(ground) == []


# ---- as it is answered ----


async def test_a_name_that_leads_to_a_forbidden_address_is_not_dialled(
    ground: Ground, outside: Outside
) -> None:
    outside.names[NAME] = [["8.8.8.8"]]
    id = await proxied(ground, f"ws://{NAME}:8080/ocpp", enabled=False)
    let_through = []
    for address in (each for each in CLOSED if "%" not in each):
        # One among others is enough, wherever it stands.
        outside.names[NAME] = [["8.8.8.8", address]]
        *_, last = await probed(ground, id)
        if (last["step"], last["ok"]) != ("resolve", False) or address in last["detail"]:
            let_through.append((address, last))

    assert let_through == []
    assert len(outside.lookups) == len([each for each in CLOSED if "%" not in each])
    assert outside.dialled(ground) == []


async def test_a_store_whose_name_leads_to_a_forbidden_address_is_not_asked(
    ground: Ground, outside: Outside
) -> None:
    ids = []
    for body in at(f"http://{NAME}:8080"):
        made = await ground.ok("POST", ground.connectors, body)
        ids.append(made["connector"]["id"])
    for address in (
        "127.0.0.1",
        "169.254.169.254",
        "::ffff:127.0.0.1",
        "10.0.0.1",
        "64:ff9b::7f00:1",
    ):
        outside.names[NAME] = [[address]]
        for id in ids:
            told = await ground("POST", f"{ground.connectors}/{id}/test")
            assert "may not have" in str(told), told

    assert outside.dialled(ground) == []


@pytest.fixture
async def half_open(tmp_path: Path, outside: Outside) -> AsyncIterator[Ground]:
    """A server that may dial 127.0.0.1, and nothing else of this machine."""
    async with served(tmp_path, {"RINGMAIN_ALLOWED_TARGET_NETWORKS": "127.0.0.1/32"}) as ground:
        yield ground


async def test_a_name_that_changes_its_answer_is_dialled_where_it_was_looked_up(
    half_open: Ground, outside: Outside
) -> None:
    async with trap("127.0.0.1") as good, trap("127.0.0.2") as bad:
        outside.names[NAME] = [["127.0.0.1"], ["127.0.0.2"]]
        id = await proxied(half_open, f"ws://{NAME}:{good.port}/ocpp", enabled=False)

        await probed(half_open, id)
        assert (outside.lookups, good.touched) == ([NAME], [("127.0.0.1", good.port)])
        # Looked up and judged anew at the next dial.
        *_, last = await probed(half_open, id)

    assert (last["step"], last["ok"]) == ("resolve", False)
    assert bad.touched == []
    assert outside.dialled(half_open) == [("127.0.0.1", good.port)]


async def test_a_link_that_is_dialled_again_is_judged_again(
    half_open: Ground, outside: Outside
) -> None:
    password = await half_open.enrol("CP-1")
    charger = Charger(half_open.ocpp, "CP-1", password, "1.6")
    async with trap("127.0.0.1") as good, Fleet([charger]).running() as fleet:
        outside.names[NAME] = [["127.0.0.1"], ["127.0.0.2"]]
        leads = proxy("CP-1", f"ws://{NAME}:{good.port}/ocpp")
        made = await half_open.ok("POST", f"{half_open.organization}/proxy_configurations", leads)
        id = made["proxy_configuration"]["id"]
        await fleet.wait_connected()
        path = f"{half_open.organization}/proxy_configurations/{id}/status"
        status: Any = {}
        async with asyncio.timeout(PATIENCE):
            while "may not have" not in str(status):
                status = await half_open.ok("GET", path)

    assert outside.dialled(half_open).count(("127.0.0.1", good.port)) == 1
    assert {host for host, _ in outside.dialled(half_open)} == {"127.0.0.1"}
    assert len(outside.lookups) > 1


# ---- as it is sent elsewhere ----


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_target_s_redirect_is_not_followed(
    half_open: Ground, outside: Outside, status: int
) -> None:
    async with (
        trap("127.0.0.2") as bad,
        answering(sending_to(f"http://127.0.0.2:{bad.port}/", status)) as port,
    ):
        id = await proxied(half_open, f"ws://127.0.0.1:{port}/ocpp", enabled=False)
        *_, last = await probed(half_open, id)

    assert (last["ok"], str(status) in last["detail"]) == (False, True)
    assert bad.touched == []
    assert outside.dialled(half_open) == [("127.0.0.1", port)]


async def test_a_store_s_redirect_is_not_followed(
    tmp_path: Path, outside: Outside, gcp_oauth: GcpOAuth, service_account: Words
) -> None:
    variables = {
        "RINGMAIN_ALLOWED_TARGET_NETWORKS": "127.0.0.1/32",
        "RINGMAIN_GCP_TOKEN_URI": gcp_oauth.url,
    }
    async with (
        served(tmp_path, variables) as ground,
        trap("127.0.0.2") as bad,
        answering(sending_to(f"http://127.0.0.2:{bad.port}/", 307)) as port,
    ):
        for body in stores(f"http://127.0.0.1:{port}", service_account):
            made = await ground.ok("POST", ground.connectors, body)
            path = f"{ground.connectors}/{made['connector']['id']}/test"
            told = await ground("POST", path)
            assert (told[0], told[1]["ok"]) == (200, False), told

    assert bad.touched == []
    assert {host for host, _ in outside.dialled(ground)} == {"127.0.0.1"}


def stores(url: str, service_account: Words) -> Iterator[dict[str, Any]]:
    yield from at(url)
    google = {"service_account_json": json.dumps(dict(service_account))}
    yield connector("gcp_storage", {"bucket": "lake", "endpoint_url": url}, google)


# ---- as it is filled in ----


NAMES = ["@127.0.0.2", "CP 1@127.0.0.2", "a|b", "{charge_box_id}", "x/../..", "#", "?a=b", ".."]


async def test_a_charger_s_name_stays_one_piece_of_the_path(
    half_open: Ground, outside: Outside
) -> None:
    asked: list[str] = []

    async def note(request: web.Request) -> web.Response:
        asked.append(request.raw_path)
        return web.Response(status=404)

    async with trap("127.0.0.2") as bad, answering(note) as port:
        url = f"ws://127.0.0.1:{port}/ocpp/{{target_charge_box_id}}/end"
        for number, name in enumerate(NAMES):
            body = proxy(f"CP-{number}", url, target_charge_box_id=name, enabled=False)
            await half_open.enrol(f"CP-{number}")
            path = f"{half_open.organization}/proxy_configurations"
            status, made = await half_open("POST", path, body)
            if status < 300:
                await probed(half_open, made["proxy_configuration"]["id"])
            assert status in {201, 422}, (name, made)

    assert bad.touched == []
    assert len(asked) == 3  # the others are no names: 422
    assert all(path.startswith("/ocpp/") and path.endswith("/end") for path in asked), asked
    assert all(path.count("/") == 3 and not {*"?#@{"} & {*path} for path in asked), asked
    assert {host for host, _ in outside.dialled(half_open)} == {"127.0.0.1"}


# ---- what the operator opens ----


async def test_an_operator_opens_a_network_and_no_other(
    half_open: Ground, outside: Outside
) -> None:
    async with trap("127.0.0.1") as good:
        id = await proxied(half_open, f"ws://127.0.0.1:{good.port}/ocpp", enabled=False)
        steps = await probed(half_open, id)
        assert [step["ok"] for step in steps[:3]] == [True, True, True]
        await until(lambda: good.touched)

    path = f"{half_open.organization}/proxy_configurations"
    await half_open.enrol("CP-X")
    for host in ("127.0.0.2", "127.1.1.1", "10.0.0.1", "[::1]", "169.254.169.254"):
        assert (await half_open("POST", path, proxy("CP-X", f"ws://{host}:8080/")))[0] == 422
    # A port below 1024 too, but only there.
    assert (await half_open("POST", path, proxy("CP-X", "ws://8.8.8.8:81/")))[0] == 422
    assert (await half_open("POST", path, proxy("CP-X", "ws://127.0.0.1:81/")))[0] == 201
