"""What was changed by hand at a charger, held against the version that it has."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from api.drifts import drifted
from proxy.installing import DELETED
from storage.commissioning_records import ConnectionDetails, Installation
from storage.records import ChargerKey

NOW = datetime(2026, 11, 22, tzinfo=UTC)
DETAILS = ConnectionDetails(
    version="v1",
    organization_uuid="o",
    connectivity_mode="DualProtocol",
    url="wss://cpo.example.com/ocpp",
    created_by="k",
    created_at=NOW,
)
INSTALLED = Installation(
    key=ChargerKey("o", "CP-1"),
    wanted_version="v1",
    applied_version="v1",
    claim="c",
    requested_by="k",
    requested_at=NOW,
)


@pytest.mark.parametrize(
    ("installation", "told"),
    [
        (INSTALLED, (DELETED,)),
        (replace(INSTALLED, applied_version="v0"), ()),  # which is not among the versions
        (replace(INSTALLED, applied_version=None), ()),
        (None, ()),
    ],
)
def test_only_what_has_a_version_can_drift_from_it(
    installation: Installation | None, told: tuple[str, ...]
) -> None:
    assert drifted({"v1": DETAILS}, installation, None) == told
