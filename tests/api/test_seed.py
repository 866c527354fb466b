"""
The curl lines of the public documentation that this API follows, pasted.

Only host, key, organization and id are other ones, and names and keys where a placeholder stands
that no provider would take; the answers are compared field by field.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests import seed_connectors as seed
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

# What stands for names and keys that the owner has.
OWN = {
    "your_azure_storage_account_name": "yourazurestorage",
    "your_blob_container_name": "your-blob-container-name",
    "YOUR_AZURE_STORAGE_ACCOUNT_KEY": "WU9VUl9BWlVSRV9TVE9SQUdFX0FDQ09VTlRfS0VZ",
}


async def paste(
    api: Api, lines: str, proxy_id: object = "", own: Mapping[str, str] = OWN
) -> tuple[str, Any]:
    """Run the lines in a shell and return what they printed, as text and decoded."""
    others = {HOST: api.base, HOST.replace("http:", "https:"): api.base, KEY: api.key}
    marks = {"<YOUR_ORG_UUID>": api.organization_uuid, "<YOUR_API_KEY>": api.key}
    for printed_there, here in {**others, **marks, **own}.items():
        lines = lines.replace(printed_there, here)
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
    told = {
        "id": configuration["id"],
        "charge_box_id": "CHARGER001",
        "organization_uuid": api.organization_uuid,
        "target_platform_identifier": "ChargePoint",
        "target_websocket_url": "wss://api.chargepoint.com/ocpp/{charge_box_id}",
        "target_authentication_method": "Basic",
    }
    assert dict(list(configuration.items())[:6]) == told

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


# ---- data connectors ----


async def connect(api: Api, lines: str = seed.AWS_S3, **own: str) -> Any:
    """Paste lines that create a connector, and return it."""
    text, answer = await paste(api, lines, own={**OWN, **own})
    connector = answer.pop("connector")

    assert answer == {
        "success": True,
        "message": "Connector configuration created successfully",
    }, text
    assert connector["credentials"] == {}
    return connector


async def test_a_connector_is_created_listed_and_shown(api: Api) -> None:
    connector = await connect(api)
    assert connector == {
        "updated_at": "2026-11-21T10:00:00.000Z",
        "type": "aws_s3",
        "name": "my-aws-s3-connector",
        "inserted_at": "2026-11-21T10:00:00.000Z",
        "id": connector["id"],
        "enabled": True,
        "credentials": {},
        "configuration": {"bucket": "your-s3-bucket-name", "region": "us-east-1"},
    }

    text, listed = await paste(api, seed.LIST)
    assert "YOUR_AWS" not in text
    assert listed == {
        "success": True,
        "connectors": [connector],
        "message": "Connector configurations retrieved successfully",
        "next_cursor": None,
    }

    _, shown = await paste(api, seed.GET, own={"<CONNECTOR_ID>": connector["id"]})
    assert shown == {
        "success": True,
        "connector": connector,
        "message": "Connector configuration retrieved successfully",
    }


@pytest.mark.sqlite_only("about what is taken, not what is stored")
@pytest.mark.parametrize(
    ("lines", "configuration"),
    [
        (seed.SPACES, {"bucket": "your-spaces-name", "region": "nyc3"}),
        (
            seed.AZURE,
            {"storage_account": "yourazurestorage", "container": "your-blob-container-name"},
        ),
    ],
    ids=["spaces", "azure"],
)
async def test_every_type_is_created(api: Api, lines: str, configuration: Any) -> None:
    assert (await connect(api, lines))["configuration"] == configuration


@pytest.mark.sqlite_only("about what is taken, not what is stored")
async def test_a_key_file_of_google_is_pasted_between_quotes(
    api: Api, tmp_path: Path, service_account: Mapping[str, str]
) -> None:
    file = tmp_path / "service-account.json"
    file.write_text(json.dumps(service_account, indent=2) + "\n")
    own = {"/path/to/your/service-account.json": str(file)}
    connector = await connect(api, seed.GOOGLE, **own)

    stored = await api.storage.sinks.get(api.organization_uuid, connector["id"])
    assert stored is not None
    assert json.loads(stored.credentials["service_account_json"]) == service_account


async def test_a_connector_is_disabled_renamed_and_deleted(api: Api) -> None:
    connector = await connect(api)
    own = {"<CONNECTOR_ID>": connector["id"]}
    api.clock.forward(minutes=5)

    assert (await paste(api, seed.UPDATE, own=own))[1] == {
        "success": True,
        "connector": {
            **connector,
            "updated_at": "2026-11-21T10:05:00.000Z",
            "name": "my-prod-s3-backup-disabled",
            "enabled": False,
        },
        "message": "Connector configuration updated successfully",
    }
    assert (await paste(api, seed.DELETE, own=own))[1] == {
        "success": True,
        "message": "Connector configuration deleted successfully",
    }
    assert (await paste(api, seed.GET, own=own))[1]["error"] == "not_found"
