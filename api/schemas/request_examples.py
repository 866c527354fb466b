"""Examples of what is asked, by the name of the body's schema: the common case, not every field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.schemas.example_values import IDENTITY, LATER, PEM, TOKEN

_TARGET: Mapping[str, Any] = {
    "target_platform_identifier": "Main_CSMS",
    "target_websocket_url": "wss://csms.example.com/ocpp/{charge_box_id}",
    "target_authentication_method": "Basic",
    "target_auth_basic_password": "what the target gave you",
}
_CHARGER: Mapping[str, Any] = {"charge_box_id": "CP-1", "charger_name": "Main Lobby Charger"}
_LIMITED: Mapping[str, Any] = {
    "chargingProfile": {
        "id": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Recurring",
        "recurrencyKind": "Daily",
        "chargingSchedule": [
            {
                "id": 1,
                "startSchedule": "2026-11-21T00:00:00Z",
                "chargingRateUnit": "W",
                "chargingSchedulePeriod": [
                    {"startPeriod": 0, "limit": 11000.0},
                    {"startPeriod": 61200, "limit": 4000.0},
                ],
            }
        ],
    }
}
_CARD: Mapping[str, Any] = {"id_token": TOKEN, "type": "ISO14443", "status": "Accepted"}
_LISTED: Mapping[str, Any] = {"idToken": TOKEN, "idTokenType": "RFID"}
# As in the seeds; the endpoint is for stores that speak the same language elsewhere.
_STORES: Mapping[str, Mapping[str, Any]] = {
    "AwsS3Connector": {
        "name": "my-aws-s3-connector",
        "type": "aws_s3",
        "configuration": {"bucket": "your-s3-bucket-name", "region": "us-east-1"},
        "credentials": {"access_key_id": "your-access-key-id", "secret_access_key": "your-secret"},
    },
    "SpacesConnector": {
        "name": "my-spaces-connector",
        "type": "digital_ocean_spaces",
        "configuration": {"bucket": "your-space-name", "region": "fra1"},
        "credentials": {"access_key_id": "your-access-key-id", "secret_access_key": "your-secret"},
    },
    "GoogleConnector": {
        "name": "my-gcp-connector",
        "type": "gcp_storage",
        "configuration": {"bucket": "your-gcp-bucket-name"},
        "credentials": {"service_account_json": '{"type": "service_account", …}'},
    },
    "AzureConnector": {
        "name": "my-azure-connector",
        "type": "azure_storage",
        "configuration": {"storage_account": "youraccount", "container": "your-container"},
        "credentials": {"account_key": "eW91ci1hY2NvdW50LWtleQ=="},
    },
}
_CHANGED = {"enabled": False}

REQUESTS: Mapping[str, Mapping[str, Any]] = {
    "SettingsChange": {"authorization": "known", "retention": {"messages": 30}},
    "IdTokenRequest": {**_CARD, "comment": "the van of the workshop"},
    "IdTokenChange": {"status": "Blocked"},
    "ApiKeyRequest": {"name": "nightly report", "scope": "read", "expires_at": LATER},
    "MemberRequest": {"identity_id": IDENTITY, "role": "operate"},
    "MemberChange": {"role": "read"},
    "EnrolmentRequest": {**_CHARGER, **_TARGET},
    "ProxyConfigurationRequest": {**_TARGET, "charge_box_id": "CP-1"},
    "ProxyConfigurationChange": {"enabled": False},
    "ClientCertificateRequest": {
        "name": "towards Main_CSMS",
        "certificate_chain": PEM,
        "private_key": "-----BEGIN PRIVATE KEY-----\nMIIB…\n-----END PRIVATE KEY-----\n",
    },
    "ChargerRequest": _CHARGER,
    "ChargerChange": {"charger_name": "Lobby, left", "security_profile": 2},
    "PinRequest": {"certificate": PEM},
    "SiteRequest": {"name": "Harbour", "chargers": ["CP-1", "CP-2"]},
    "SiteChange": {"name": "Harbour West"},
    "RollbackRequest": {},
    "OcppRequest": {"requestedMessage": "StatusNotification", "connectorId": 1},
    "StartRequest": {"idToken": TOKEN, "idTokenType": "RFID"},
    "ResetRequest": {"type": "OnIdle"},
    "AvailabilityRequest": {"type": "Inoperative", "disableTextReason": "maintenance"},
    "UnlockRequest": {},
    "ProfileRequest": _LIMITED,
    "ClearRequest": {"chargingProfileId": 1},
    "LimitRequest": {"limit": {"acMaxPowerKw": 11.0}},
    "BatchRequest": {
        "stations": ["CP-1", "CP-2"],
        "request": {"requestedMessage": "BootNotification"},
    },
    "ReservationRequest": {"idToken": TOKEN, "idTokenType": "RFID", "expiresAt": LATER},
    "LocalListRequest": {"entries": [_LISTED]},
    "LocalListChange": {"entries": [_LISTED], "removed": ["0011AABB"]},
    "FirmwareRequest": {"location": "https://firmware.example.com/hyc50-2.4.2.bin"},
    "LogRequest": {"type": "DiagnosticsLog"},
    **_STORES,
    **{f"{name}Change": {**_CHANGED, "type": one["type"]} for name, one in _STORES.items()},
}
