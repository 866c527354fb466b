"""Records as they usually are, to be varied by the tests."""

from __future__ import annotations

from typing import Any

from storage.records import Charger, ChargerKey, ProxyConfiguration, SinkRecord, Transaction
from storage.secrets import digest_secret
from tests.storage.doubles import NOON


def charger(key: ChargerKey) -> Charger:
    return Charger(
        key=key,
        charger_name="Main lobby",
        password_digest=digest_secret(b"charger-password"),
        created_at=NOON,
    )


def proxy(key: ChargerKey) -> ProxyConfiguration:
    return ProxyConfiguration(
        key=key,
        target_platform_identifier="Main_CSMS",
        target_websocket_url="wss://third-party.example/ocpp/{charge_box_id}",
        target_authentication_method="Basic",
        target_auth_basic_username="CSMS-ID-555",
        target_auth_basic_password="third-party-secret-password",
        policy={"actions": {"Reset": "error"}},
        created_at=NOON,
        updated_at=NOON,
    )


def transaction(key: ChargerKey, transaction_id: str = "4711") -> Transaction:
    return Transaction(
        key=key,
        transaction_id=transaction_id,
        evse_id=1,
        connector_id=1,
        id_token="TAG",
        started_at=NOON,
        meter_start_wh=1000.0,
        start_timestamp="2026-03-01T12:00:00Z",
    )


def sink(
    organization_uuid: str, id: str = "sink-1", *, enabled: bool = True, **configuration: Any
) -> SinkRecord:
    return SinkRecord(
        id=id,
        organization_uuid=organization_uuid,
        name=f"lake {id}",
        type="aws_s3",
        enabled=enabled,
        configuration={"bucket": "lake", **configuration},
        credentials={"secret_access_key": "canary"},
        token_key="00" * 32,
        inserted_at=NOON,
        updated_at=NOON,
    )
