"""What a charger may be asked for, and the forms that can be made of it."""

from __future__ import annotations

import jsonschema_rs
import pytest

from csms.requests import actions_of
from csms.stations import STATIONS
from tests.api.conftest import Api, Connect
from tests.api.robot import robot

pytestmark = pytest.mark.sqlite_only("what it shows is in files of the ocpp library")


def forms(api: Api, name: str = "CP-1") -> str:
    return f"{api.organization}/chargers/{name}/actions"


@pytest.mark.parametrize("subprotocol", STATIONS)
async def test_all_that_the_version_has_is_listed_with_its_schemas(
    api: Api, connect: Connect, subprotocol: str
) -> None:
    kind = STATIONS[subprotocol]
    await api.enrol(allowed_versions=[subprotocol.removeprefix("ocpp")])
    await connect(version=kind.version)

    listed = await api.get(forms(api))

    assert listed["ocpp_version"] == kind.version
    assert [one["action"] for one in listed["actions"]] == sorted(actions_of(kind))
    for one in listed["actions"]:
        shown = await api.get(f"{forms(api)}/{one['action']}")
        assert {name: shown[name] for name in one} == one
        assert shown["ocpp_version"] == kind.version
        jsonschema_rs.validator_for(shown["request"])
        jsonschema_rs.validator_for(shown["response"])


async def test_a_form_says_what_the_command_takes(api: Api, connect: Connect) -> None:
    await api.enrol(allowed_versions=["2.0.1"])
    async with robot((await connect(version="2.0.1")).peer, "2.0.1"):
        shown = await api.get(f"{forms(api)}/GetBaseReport")
        body = {"reportBase": "FullInventory"}
        got = await api("POST", "/api/chargingStations/CP-1/commands/GetBaseReport", body)

    assert shown["request"]["required"] == ["reportBase"]
    assert jsonschema_rs.is_valid(shown["request"], body)
    assert jsonschema_rs.is_valid(shown["response"], got.body)


async def test_what_takes_an_admin_says_so(api: Api, connect: Connect) -> None:
    await api.enrol(allowed_versions=["2.0.1"])
    await connect(version="2.0.1")
    listed = (await api.get(forms(api)))["actions"]

    assert {one["action"] for one in listed if one["scope"] == "admin"} == {
        "CertificateSigned",
        "DeleteCertificate",
        "InstallCertificate",
        "SetNetworkProfile",
    }


async def test_an_offline_charger_is_shown_what_it_spoke_last(api: Api) -> None:
    await api.enrol()
    assert await api.get(forms(api)) == {"success": True, "ocpp_version": None, "actions": []}
    never = await api("GET", f"{forms(api)}/Reset")
    assert never.error == (409, "charger_offline")

    key = api.charger_key("CP-1")
    await api.storage.chargers.note_connected(key, api.clock.now(), "1.6")

    assert (await api.get(forms(api)))["ocpp_version"] == "1.6"
    assert (await api.get(f"{forms(api)}/Reset"))["request"]["required"] == ["type"]


@pytest.mark.parametrize("action", ["GetReport", "BootNotification", "Nonsense"])
async def test_what_the_version_cannot_ask_has_no_form(
    api: Api, connect: Connect, action: str
) -> None:
    await api.enrol()
    await connect()

    assert (await api("GET", f"{forms(api)}/{action}")).error == (404, "not_found")


async def test_a_charger_that_is_not_there_has_none(api: Api) -> None:
    assert (await api("GET", forms(api, "NOWHERE"))).error == (404, "not_found")
    assert (await api("GET", f"{forms(api, 'NOWHERE')}/Reset")).error == (404, "not_found")
