"""Examples of bodies and answers, by the name of their schema: the document shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.schemas.applied_connections import STATES

VERSION = "9f0c6f0e-3c11-4c1e-8d5f-5a6f2d0b7a10"
_SITE = "3b2a1c58-40f1-4d3e-9f6b-1f0f4a7f2f11"
_CHARGER = {"serialNumber": "EH123456", "charge_box_id": "CP-0001"}
_BY = {"requestedBy": "1d0f5ab2-77a5-4f3c-8a36-0a3f6c1e4b13"}
_ROTATION = "0b1f3c52-5a6e-4c7e-9d38-2f1f5b1f0c55"
_AT = "2026-11-21T10:00:00.000Z"
_ROLLED_OUT = {
    "rolloutId": "c7f7a0de-8f0b-4f43-a0a2-6f5f0a1b9d12",
    "version": VERSION,
    "takesBack": None,
    "state": "running",
    "error": None,
    "canary": {"chargers": 5, "seconds": 60},
    **_BY,
    "createdAt": _AT,
    "finishedAt": None,
    "counts": {**dict.fromkeys(STATES, 0), "applied": 5, "pending": 495},
}
_CONNECTED: Mapping[str, Any] = {
    **_CHARGER,
    "siteId": _SITE,
    "wantedVersion": VERSION,
    "appliedVersion": VERSION,
    "appliedAt": _AT,
    **_BY,
    "connectivityMode": "DualProtocol",
    "chargePointId": "EH123456",
    "state": "applied",
    "error": None,
    "linkState": "ready",
    "lastError": None,
    "proxyConfigurationId": 1,
    "drift": [],
}
_DETAILS: Mapping[str, Any] = {
    "connectivityMode": "DualProtocol",
    "websocketConnectionArgs": {
        "url": "wss://your-ocpp-server.com/ocpp",
        "caCertificate": (
            "-----BEGIN CERTIFICATE-----\nYour CA certificate here\n-----END CERTIFICATE-----"
        ),
        "caCertificateDomain": "your-ocpp-server.com",
    },
    "basicAuthPassword": "your-password",
}
_SWITCHED_ON = {"field": "enabled", "from": False, "to": True}

_FRAME = {
    "seq": 1042,
    "timestamp": _AT,
    "message_type": "Call",
    "payload": {"evseId": 1, "connectorId": 1, "connectorStatus": "Occupied"},
}
_ANSWERED = {"seq": 1043, "timestamp": _AT, "message_type": "CallResult", "payload": {}}
_EXCHANGE = {
    "charge_box_id": "CP-1",
    **_FRAME,
    "direction": "charger_to_platform",
    "ocpp_version": "2.0.1",
    "message_id": "0f3a9c",
    "action": "StatusNotification",
    "proxy_configuration_id": None,
    "origin": None,
    "maybe_duplicate": None,
    "answer": _ANSWERED,
    "latency_ms": 4.2,
}

EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "ConnectionDetailsRequest": {**_DETAILS, "applyToNewDevices": True},
    "ChargerConnectionDetailsRequest": {"chargePointId": "EH123456", **_DETAILS},
    "StoredVersion": {"version": VERSION},
    "Messages": {"success": True, "messages": [_EXCHANGE], "next_cursor": "MTA0Mg"},
    "ConnectionDetails": {**_DETAILS, "version": VERSION, "applyToNewDevices": True},
    "ChargerConnectionDetails": {"chargePointId": "EH123456", **_DETAILS, "version": VERSION},
    "ApplyRequest": {"version": VERSION},
    "SiteApplyRequest": {"version": VERSION, "canary": {"chargers": 5, "seconds": 60}},
    "ChargerApplied": {"version": VERSION, **_CHARGER, "state": "applied"},
    "SiteApplied": {
        "siteId": _SITE,
        "version": VERSION,
        "rolloutId": _ROLLED_OUT["rolloutId"],
        "results": [{**_CHARGER, "state": "pending", "error": None}],
    },
    "SiteForeseen": {
        "dryRun": True,
        "siteId": _SITE,
        "version": VERSION,
        "results": [{**_CHARGER, "state": "applied", "error": None, "changes": [_SWITCHED_ON]}],
    },
    "ChargerConnection": _CONNECTED,
    "SiteConnections": {
        "siteId": _SITE,
        "name": "Harbour",
        "rollout": _ROLLED_OUT,
        "results": [_CONNECTED],
        "nextCursor": None,
    },
    "SiteRollouts": {"rollouts": [_ROLLED_OUT], "nextCursor": None},
    "RotationRequest": {"by": "ocpp"},
    "Rotated": {
        "success": True,
        "message": "The charger has its new password; the old one is refused now.",
        "rotation_id": _ROTATION,
        "state": "accepted",
        "response": "Accepted",
        "expires_at": None,
        "ocpp_password": None,
    },
    "OpenRotations": {
        "success": True,
        "rotations": [
            {
                "rotation_id": _ROTATION,
                "state": "by_hand",
                "requested_by": _BY["requestedBy"],
                "requested_at": _AT,
                "expires_at": "2026-11-22T10:00:00.000Z",
            }
        ],
    },
    "OneRollout": {
        "rollout": _ROLLED_OUT,
        "results": [{**_CHARGER, "state": "applied", "error": None, "finishedAt": _AT}],
        "nextCursor": None,
    },
}
