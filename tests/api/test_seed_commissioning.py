"""
The requests of the public documentation that the commissioning API follows, pasted.

Only host, key, ids and certificate are other ones, and what stands for a value where the page
prints a template; the one whole sample has its comments. Answers have the page's fields at least.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest

from tests.api.commissioned import SiteCalls, configuration
from tests.api.conftest import Answer, Api, HandClock
from tests.certificates import signed

CERTIFICATE = "-----BEGIN CERTIFICATE-----\\nYour CA certificate here\\n-----END CERTIFICATE-----"
HEADER = "Content-Type: application/json\n"

STORE = """
POST /v1/operators/{operatorId}/connection-details
Content-Type: application/json
{
"connectivityMode": "DualProtocol",
"websocketConnectionArgs": {
"url": "wss://your-ocpp-server.com/ocpp",
"caCertificate": "-----BEGIN CERTIFICATE-----\\nYour CA certificate here\\n-----END CERTIFICATE-----",
"caCertificateDomain": "your-ocpp-server.com"
},
"basicAuthPassword": "your-password", // Optional
"applyToNewDevices": true // Whether to automatically apply to new chargers
}
"""  # noqa: E501 - as it is printed there

STORE_FOR_CHARGER = """
POST /v1/operators/{operatorId}/connection-details/{serialNumber}
{
"chargePointId": "string",
"basicAuthPassword": "string",
"websocketConnectionArgs": {
"url": "string [required]",
"caCertificate": "string [required if url is wss]",
"caCertificateDomain": "string [required if url is wss]"
},
"connectivityMode": "OcppOff | DualProtocol [required]"
}
"""

SWITCH_OFF = """
POST /v1/operators/{operatorId}/connection-details
{
"basicAuthPassword": "string",
"websocketConnectionArgs": {
"url": "string [required]",
"caCertificate": "string [required if url is wss]",
"caCertificateDomain": "string [required if url is wss]"
},
"connectivityMode": "OcppOff"
}
"""

APPLY_TO_CHARGER = """
POST /v1/operators/{operatorId}/connections/chargers/{serialNumber}
{
"version": "some-string-with-the-version-identifier"
}
"""

APPLY_TO_SITE = """
POST /v1/operators/{operatorId}/connections/sites/{siteId}
{
"version": "some-string"
}
"""

GET_OF_CHARGER = "GET /v1/operators/{operatorId}/connection-details/{serialNumber}"
GET_DEFAULT = "GET /v1/operators/{operatorId}/connection-details"

ARGUMENTS = {"url", "caCertificate", "caCertificateDomain"}
DETAILS = {"websocketConnectionArgs", "connectivityMode", "basicAuthPassword"}
# What the templates leave open, in the order in which it is asked for.
VALUES = {
    '"chargePointId": "string"': '"chargePointId": "CSMS-ID-555"',
    '"basicAuthPassword": "string"': '"basicAuthPassword": "your-password"',
    '"string [required]"': '"wss://your-ocpp-server.com/ocpp"',
    '"caCertificate": "string [required if url is wss]"': f'"caCertificate": "{CERTIFICATE}"',
    '"string [required if url is wss]"': '"your-ocpp-server.com"',
    '"OcppOff | DualProtocol [required]"': '"DualProtocol"',
}


@cache
def authority() -> str:
    return signed("Root", by="Root", ca=True, since=HandClock().now()).strip()


async def paste(api: Api, printed: str, **ids: str) -> Answer:
    """Send what is printed there."""
    own = {"{operatorId}": api.organization_uuid, **{f"{{{name}}}": ids[name] for name in ids}}
    for there, here in {**VALUES, CERTIFICATE: json.dumps(authority())[1:-1], **own}.items():
        printed = printed.replace(there, here)
    line, _, rest = printed.strip().partition("\n")
    method, path = line.split(" ")
    text = rest.removeprefix(HEADER) or None
    key = {"Authorization": f"Bearer {api.key}"}
    return await api(method, f"/local-ocpp{path}", text=text, headers=key)


async def stored(api: Api, printed: str, **ids: str) -> str:
    got = await paste(api, printed, **ids)
    assert got.status == 200, got.text
    assert list(got.body) == ["version"]
    version: str = got.body["version"]
    return version


def holds(shown: Mapping[str, Any], fields: set[str]) -> bool:
    return fields <= set(shown) and set(shown["websocketConnectionArgs"]) == ARGUMENTS


async def test_the_default_is_stored_and_shown(api: Api) -> None:
    version = await stored(api, STORE)
    shown = (await paste(api, GET_DEFAULT)).body

    assert holds(shown, DETAILS)
    assert shown == {
        "connectivityMode": "DualProtocol",
        "websocketConnectionArgs": {
            "url": "wss://your-ocpp-server.com/ocpp",
            "caCertificate": authority(),
            "caCertificateDomain": "your-ocpp-server.com",
        },
        "basicAuthPassword": "your-password",
        "applyToNewDevices": True,
        "version": version,
    }
    assert (await paste(api, f"{GET_DEFAULT}?version={version}")).body == shown


async def test_a_chargers_own_are_stored_and_shown(api: Api) -> None:
    version = await stored(api, STORE_FOR_CHARGER, serialNumber="EH123456")
    shown = (await paste(api, GET_OF_CHARGER, serialNumber="EH123456")).body

    assert holds(shown, {"chargePointId", *DETAILS})
    assert (shown["chargePointId"], shown["version"]) == ("CSMS-ID-555", version)


@pytest.mark.parametrize(
    ("store", "name"), [(STORE, "EH123456"), (STORE_FOR_CHARGER, "CSMS-ID-555")]
)
async def test_a_version_is_applied_to_a_charger(api: Api, store: str, name: str) -> None:
    await api.enrol("CP-1", serial_number="EH123456")
    version = await stored(api, store, serialNumber="EH123456")
    body = APPLY_TO_CHARGER.replace("some-string-with-the-version-identifier", version)
    got = await paste(api, body, serialNumber="EH123456")

    assert got.status == 200, got.text
    assert {"version": version, "serialNumber": "EH123456"}.items() <= got.body.items()
    found = await configuration(api)
    assert found is not None
    assert found.enabled
    assert found.target_charge_box_id == name
    assert found.target_auth_basic_password == "your-password"
    assert found.target_ca_certificate == authority()
    assert found.target_websocket_url == "wss://your-ocpp-server.com/ocpp/{target_charge_box_id}"


async def test_a_version_is_applied_to_a_site_and_switched_off_again(api: Api) -> None:
    await api.enrol("CP-1", serial_number="EH123456")
    made = await api("POST", f"{api.organization}/sites", {"name": "Depot", "chargers": ["CP-1"]})
    site = made.body["site"]["site_id"]

    for store, enabled in ((STORE, True), (SWITCH_OFF, False)):
        version = await stored(api, store)
        got = await paste(api, APPLY_TO_SITE.replace("some-string", version), siteId=site)
        assert got.status == 202, got.text
        assert {"siteId": site, "version": version}.items() <= got.body.items()
        await SiteCalls(api, site).ended(got)
        found = await configuration(api)
        assert found is not None
        assert found.enabled is enabled
