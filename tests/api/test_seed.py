"""
The curl lines of the public documentation that this API follows, pasted.

Only host, key, organization and id are other ones; the answers are compared field by field.
"""

from __future__ import annotations

import asyncio
import shutil
from typing import Any

import orjson
import pytest

from tests.api.conftest import Api

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")

HOST = "http://ocpp.voltra.sh"
KEY = "F956FB45-22D6-421F-BE12-660CD7ED9815"

ENROL = """
curl -X POST \\
"http://ocpp.voltra.sh/api/v1/organizations/${ORG_UUID}/chargers/enroll-with-proxy?pretty=true" \\
-H "Content-Type: application/json" \\
-H "x-api-key: F956FB45-22D6-421F-BE12-660CD7ED9815" \\
-d '{
"charge_box_id": "CP-PROX-01",
"charger_name": "Main Lobby Charger",
"vendor_name": "Fulminata",
"model_name": "ProxyCharger",
"target_platform_identifier": "Main_CSMS",
"target_websocket_url": "wss://third-party.com/ocpp/{target_charge_box_id}",
"target_authentication_method": "Basic",
"target_charge_box_id": "CSMS-ID-555",
"target_auth_basic_password": "third-party-secret-password"
}'
"""

LIST = """
curl "http://ocpp.voltra.sh/api/v1/organizations/${ORG_UUID}/proxy_configurations?pretty=true" \\
-H "x-api-key: F956FB45-22D6-421F-BE12-660CD7ED9815"
"""

CREATE = """
curl -X POST \\
"http://ocpp.voltra.sh/api/v1/organizations/${ORG_UUID}/proxy_configurations" \\
-H "Content-Type: application/json" \\
-H "x-api-key: F956FB45-22D6-421F-BE12-660CD7ED9815" \\
-d '{
"charge_box_id": "CHARGER001",
"target_platform_identifier": "ChargePoint",
"target_websocket_url": "wss://api.chargepoint.com/ocpp/{charge_box_id}",
"target_authentication_method": "Basic",
"target_auth_basic_password": "secret123"
}'
"""

GET = """
curl "http://ocpp.voltra.sh/api/v1/organizations/${ORG_UUID}/proxy_configurations/${PROXY_ID}?pretty=true" \\
-H "x-api-key: F956FB45-22D6-421F-BE12-660CD7ED9815"
"""  # noqa: E501 - as it is printed there

PATCH = """
curl -X PATCH \\
"http://ocpp.voltra.sh/api/v1/organizations/${ORG_UUID}/proxy_configurations/${PROXY_ID}?pretty=true" \\
-H "Content-Type: application/json" \\
-H "x-api-key: F956FB45-22D6-421F-BE12-660CD7ED9815" \\
-d '{
"target_websocket_url": "wss://new-third-party.com/ocpp/main"
}'
"""  # noqa: E501 - as it is printed there

DELETE = """
curl -X DELETE \\
"http://ocpp.voltra.sh/api/v1/organizations/${ORG_UUID}/proxy_configurations/${PROXY_ID}?pretty=true" \\
-H "x-api-key: F956FB45-22D6-421F-BE12-660CD7ED9815"
"""  # noqa: E501 - as it is printed there


async def paste(api: Api, lines: str, proxy_id: object = "") -> tuple[str, Any]:
    """Run the lines in a shell and return what they printed, as text and decoded."""
    lines = lines.replace(HOST, api.base).replace(KEY, api.key)
    script = f'ORG_UUID="{api.organization_uuid}"\nPROXY_ID={proxy_id}\n{lines}'
    shell = await asyncio.create_subprocess_exec(
        "sh", "-c", script, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    printed, _ = await shell.communicate()
    return printed.decode(), orjson.loads(printed)


async def test_enrol_with_proxy(api: Api) -> None:
    text, answer = await paste(api, ENROL)
    charger, configuration = answer["charger"], answer["proxy_configuration"]

    assert answer == {
        "success": True,
        "message": "Charger enrolled and proxy configuration created successfully",
        "charger": {
            "charge_box_id": "CP-PROX-01",
            "ocpp_proxy_url": (
                f"ws://ocpp.example.com/{api.organization_uuid}/ocpp_proxy/CP-PROX-01"
            ),
            "ocpp_password": charger["ocpp_password"],
        },
        "proxy_configuration": {
            "id": configuration["id"],
            "target_platform_identifier": "Main_CSMS",
            "target_websocket_url": "wss://third-party.com/ocpp/{target_charge_box_id}",
        },
    }
    assert type(configuration["id"]) is int
    assert text.startswith('{\n  "success": true,\n')


async def test_create_list_and_get(api: Api) -> None:
    await api.enrol("CHARGER001")
    _, created = await paste(api, CREATE)
    configuration = created["proxy_configuration"]
    seed = {
        "id": configuration["id"],
        "charge_box_id": "CHARGER001",
        "organization_uuid": api.organization_uuid,
        "target_platform_identifier": "ChargePoint",
        "target_websocket_url": "wss://api.chargepoint.com/ocpp/{charge_box_id}",
        "target_authentication_method": "Basic",
    }
    assert dict(list(configuration.items())[:6]) == seed

    text, listed = await paste(api, LIST)
    assert listed["success"] is True
    assert listed["proxy_configurations"] == [configuration]
    assert "secret123" not in text

    _, got = await paste(api, GET, configuration["id"])
    assert (got["success"], got["proxy_configuration"]) == (True, configuration)


async def test_patch_and_delete(api: Api) -> None:
    enrolled = (await paste(api, ENROL))[1]["proxy_configuration"]
    before = (await paste(api, GET, enrolled["id"]))[1]["proxy_configuration"]

    _, patched = await paste(api, PATCH, enrolled["id"])
    assert patched["success"] is True
    assert patched["proxy_configuration"] == {
        **before,
        "target_websocket_url": "wss://new-third-party.com/ocpp/main",
    }

    _, deleted = await paste(api, DELETE, enrolled["id"])
    assert deleted["success"] is True
    assert (await paste(api, GET, enrolled["id"]))[1]["error"] == "not_found"
