"""S-16: no secret is anywhere but where it belongs: a canary in each, and a look everywhere.

What the database holds sealed, what is logged, what the API answers, what lies in a bucket.
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from simulators.charger import Charger
from simulators.fleet import Fleet
from simulators.target import Target
from storage.clock import SystemClock
from storage.records import ChargerKey
from storage.store import open_storage
from tests.doubles import PATIENCE
from tests.e2e.canaries import Canaries, database
from tests.e2e.exports import CHARGERS, TYPES, Site, served
from tests.e2e.test_connectors import Stores, body, stores
from tests.stores import GcpOAuth, S3Store

__all__ = ["stores"]

NAMES = ("CP-16", "CP-201")


# ---- where to look ----


async def frames(data_dir: Path, site: Site) -> bytes:
    """Return the frames of the message log as they were received, however they are stored."""
    texts: list[bytes] = []
    async with open_storage(data_dir, SystemClock()) as storage:
        for name in NAMES:
            key = ChargerKey(site.tenant.uuid, name)
            for one in await storage.journal.exchanges(key, limit=10_000):
                texts += [one.call.frame, one.answer.frame if one.answer else b""]
    return b"\n".join(texts)


async def asked(site: Site, connectors: Mapping[str, str]) -> None:
    """Ask for all that may tell something; the site keeps the answers."""
    for path in (site.connectors, *(f"{site.connectors}/{id}" for id in connectors.values())):
        await site.ok("GET", path)
    for id in connectors.values():
        await site.ok("GET", f"{site.connectors}/{id}/status")
        await site.ok("POST", f"{site.connectors}/{id}/test")
    for part in ("audit", "api_keys", "proxy_configurations", "settings", "chargers"):
        await site.ok("GET", f"{site.organization}/{part}?limit=1000")
    for name in NAMES:
        await site.ok("GET", f"{site.organization}/chargers/{name}")
        await site.ok("GET", f"{site.organization}/chargers/{name}/messages?limit=1000")
        await site.ok("GET", f"/api/chargingStations/{name}")
        await site.ok("GET", f"/api/chargingStations/{name}/commands")
        await site.ok("GET", f"/api/chargingStations/{name}/jobs")


# ---- what is kept where ----


def credentials(type: str, site: Stores, canaries: Canaries, account: Mapping[str, str]) -> Any:
    """Return credentials that are canaries; the stand-ins take what the real stores would not."""
    if type == "azure_storage":
        return site[type].credentials
    if type == "gcp_storage":
        id = canaries.new("google_key_id", 40)
        return {"service_account_json": json.dumps({**account, "private_key_id": id})}
    return {
        "access_key_id": canaries.new(f"{type}_id"),
        "secret_access_key": canaries.new(f"{type}_secret", 40),
    }


async def connected(
    site: Site, stores: Stores, strict: S3Store, canaries: Canaries, account: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Create a connector of each type, and some that are not let in; return ids and buckets."""
    canaries.add("azure_key", stores["azure_storage"].credentials["account_key"])
    canaries.add("google_key", account["private_key"].splitlines()[5])
    ids, buckets = {}, {}
    for type, store in stores.items():
        buckets[type] = store.new_bucket()
        right = credentials(type, stores, canaries, account)
        ids[type] = await site.create(body(type, "well", store, buckets[type], right))
    wrong = {"access_key_id": "AKIAWRONG", "secret_access_key": canaries.new("wrong_secret", 40)}
    ids["wrong s3"] = await site.create(body("aws_s3", "wrong", strict, "nobodys", wrong))
    azure = stores["azure_storage"]
    encoded = base64.b64encode(canaries.new("wrong_raw").encode()).decode()
    wrong = {"account_key": canaries.add("wrong_azure", encoded)}
    made = body("azure_storage", "wrong", azure, buckets["azure_storage"], wrong)
    ids["wrong azure"] = await site.create(made)
    return ids, buckets


async def proxied(site: Site, name: str, target: Target, canaries: Canaries) -> Charger:
    """Enrol a charger with a target, and return it."""
    password = canaries.add(f"password {name}", await site.enrol(name))
    configuration = {
        "charge_box_id": name,
        "target_platform_identifier": "theirs",
        "target_websocket_url": target.url + "/{charge_box_id}",
        "target_authentication_method": "Basic",
        "target_auth_basic_password": canaries.new(f"target{name[3:]}"),
        "policy": {"actions": {"GetDiagnostics": "forward", "GetLog": "forward"}},
    }
    await site.ok("POST", f"{site.organization}/proxy_configurations", configuration)
    base = f"{site.ocpp}/{site.tenant.uuid}/ocpp_proxy"
    return Charger(base, name, password, CHARGERS[name])


def place(canaries: Canaries, name: str) -> str:
    return f"ftp://somebody:{canaries.new(name)}@127.0.0.1:1/logs"


def variable(component: str, name: str, value: str) -> dict[str, Any]:
    item = {
        "component": {"name": component},
        "variable": {"name": name},
        "attributeValue": value,
    }
    return {"setVariableData": [item]}


def of_platform(canaries: Canaries) -> list[tuple[str, str, Any]]:
    """Return what the owner asks chargers: a charger, an action and its fields."""
    said = {"wifi": {"password": canaries.new("transfer_by_us_201")}}
    return [
        ("CP-16", "ChangeConfiguration",
            {"key": "VendorPassword", "value": canaries.new("vendor_by_us")}),
        ("CP-16", "GetDiagnostics", {"location": place(canaries, "place_by_us")}),
        ("CP-16", "DataTransfer",
            {"vendorId": "V", "data": json.dumps({"pwd": canaries.new("transfer_by_us")})}),
        ("CP-201", "SetVariables",
            variable("Vendor", "WifiPassword", canaries.new("variable_by_us"))),
        ("CP-201", "GetLog", log_request(place(canaries, "log_by_us"))),
        ("CP-201", "DataTransfer", {"vendorId": "V", "data": said}),
    ]  # fmt: skip


def passwords_of_platform(canaries: Canaries) -> list[tuple[str, str, Any]]:
    """Return how the owner gives chargers passwords of his own, in OCPP's words."""
    key = canaries.new("key_by_us").encode().hex()
    return [
        ("CP-16", "ChangeConfiguration", {"key": "AuthorizationKey", "value": key}),
        ("CP-201", "SetVariables",
            variable("SecurityCtrlr", "BasicAuthPassword", canaries.new("basic_by_us"))),
    ]  # fmt: skip


def log_request(location: str) -> dict[str, Any]:
    return {"logType": "DiagnosticsLog", "requestId": 7, "log": {"remoteLocation": location}}


def of_target(canaries: Canaries) -> list[tuple[str, str, Any]]:
    """Return what a target asks chargers."""
    said = {"wifi": {"password": canaries.new("transfer_by_target_201")}}
    return [
        ("CP-16", "ChangeConfiguration",
            {"key": "AuthorizationKey", "value": canaries.new("key_by_target")}),
        ("CP-16", "GetDiagnostics", {"location": place(canaries, "place_by_target")}),
        ("CP-16", "DataTransfer",
            {"vendorId": "V", "data": json.dumps({"pwd": canaries.new("transfer_by_target")})}),
        ("CP-201", "SetVariables",
            variable("SecurityCtrlr", "BasicAuthPassword", canaries.new("basic_by_target"))),
        ("CP-201", "DataTransfer", {"vendorId": "V", "data": said}),
        ("CP-201", "GetLog", log_request(place(canaries, "log_by_target"))),
    ]  # fmt: skip


def of_charger(canaries: Canaries) -> list[tuple[str, str, Any]]:
    """Return what chargers say by themselves."""
    return [
        ("CP-16", "DataTransfer",
            {"vendorId": "V", "data": json.dumps({"password": canaries.new("transfer")})}),
        ("CP-16", "DataTransfer", {"vendorId": "V", "data": place(canaries, "transfer_place")}),
        ("CP-201", "DataTransfer",
            {"vendorId": "V", "data": {"deep": [{"secretKey": canaries.new("transfer_201")}]}}),
    ]  # fmt: skip


async def talk(site: Site, canaries: Canaries) -> None:
    """Let the owner, a target and two chargers say secrets to each other."""
    async with Target.listening() as target:
        chargers = {name: await proxied(site, name, target, canaries) for name in NAMES}
        async with Fleet([*chargers.values()]).running() as fleet:
            await fleet.wait_connected()
            await target.until(lambda _: all(target.live(name) for name in NAMES))
            for name, action, fields in of_charger(canaries):
                await chargers[name].call(action, fields)
            for name, action, fields in of_target(canaries):
                await target.command(name, action, fields)
            for name, action, fields in of_platform(canaries):
                path = f"/api/chargingStations/{name}/commands/{action}"
                status, told = await site("POST", path, fields)
                assert status in {200, 422}, told
            for name, action, fields in passwords_of_platform(canaries):
                path = f"/api/chargingStations/{name}/commands/{action}"
                await rotated(site, chargers[name], path, fields)
            for name, charger in chargers.items():
                path = f"{site.organization}/chargers/{name}/rotate-password"
                await rotated(site, charger, path)
                canaries.add(f"rotated {name}", text(charger.password))


def text(password: str | bytes | None) -> str:
    assert password is not None
    return password.decode() if isinstance(password, bytes) else password


async def rotated(site: Site, charger: Charger, path: str, fields: object = None) -> None:
    """Let a charger get a new password, and come back with it."""
    before = charger.counts["connected"]
    await site.ok("POST", path, fields)
    await charger.until(lambda own: own.counts["connected"] > before and own.connected)


async def commissioned(site: Site, canaries: Canaries) -> None:
    """Move both chargers to a server of their operator's, to another one, and back."""
    operator = f"/local-ocpp/v1/operators/{site.tenant.uuid}"
    made = {"name": "Harbour", "chargers": [*NAMES]}
    place = (await site.ok("POST", f"{site.organization}/sites", made))["site"]["site_id"]
    connections = f"{operator}/connections/sites/{place}"
    for number in range(2):
        body = {
            "connectivityMode": "DualProtocol",
            "websocketConnectionArgs": {"url": f"ws://127.0.0.1:1/{number}"},
            "basicAuthPassword": canaries.new(f"details_{number}"),
        }
        await site.ok("POST", f"{operator}/connection-details/SN-{number}", body)
        stored = await site.ok("POST", f"{operator}/connection-details", body)
        await site.ok("POST", f"{connections}?dryRun=true", stored)
        await rolled_out(site, connections, stored)
        await site.ok("POST", f"{operator}/connections/chargers/CP-16", stored)
    await rolled_out(site, f"{connections}/rollback")
    for path in (f"{connections}/rollouts", f"{operator}/connections/chargers/CP-201"):
        await site.ok("GET", path)


async def rolled_out(site: Site, path: str, body: object = None) -> None:
    """Ask for a rollout and wait for its end."""
    await site.ok("POST", path, body)
    told: Any = None
    async with asyncio.timeout(PATIENCE):
        while told is None or told["rollout"]["state"] == "running":  # to ask takes a while
            told = await site.ok("GET", path.removesuffix("/rollback"))
    assert told["rollout"]["counts"]["applied"] > 0, told


@pytest.mark.parametrize("before", ["", "a", "ab"])
def test_a_canary_is_found_however_it_is_written(before: str) -> None:
    canaries = Canaries()
    text = f'{before}{canaries.new("one", 30)}"}}'.encode()

    for written in (text, base64.b64encode(text), text.hex().encode(), text.hex().upper().encode()):
        assert canaries.found(b"..." + written) == {"one"}
    assert canaries.found(b"nothing") == set()


async def test_no_secret_is_anywhere_but_where_it_belongs(
    tmp_path: Path,
    stores: Stores,
    strict_s3_store: S3Store,
    gcp_oauth: GcpOAuth,
    service_account: Mapping[str, str],
) -> None:
    data_dir, canaries = tmp_path / "data", Canaries()
    async with served(data_dir, gcp_oauth.url, RINGMAIN_LOG_LEVEL="debug") as site:
        canaries.add("api key", site.tenant.key)
        ids, buckets = await connected(site, stores, strict_s3_store, canaries, service_account)
        await talk(site, canaries)
        await commissioned(site, canaries)
        await site.delivered(ids[type] for type in TYPES)
        for id in ids.keys() - {*TYPES}:
            await site.until(ids[id], state="error")
        await asked(site, ids)
    contents = [stores[type].objects(bucket) for type, bucket in buckets.items()]
    exported = [gzip.decompress(each) for objects in contents for each in objects.values()]
    said = await frames(data_dir, site)
    # What is no setting may say anything: it is in the log as it was said, but in no bucket.
    free = {name for name in canaries.known if name.startswith("transfer")}

    assert canaries.found(said) == free
    assert said.count(b"DataTransfer") <= b"".join(exported).count(b"DataTransfer")
    assert canaries.found(b"".join(exported)) == set()
    assert canaries.found(bytes(site.log)) == set()
    assert canaries.found(database(data_dir)) == free
    assert canaries.found("\n".join(site.answers).encode()) == free
