from __future__ import annotations

from pathlib import Path

import pytest

from csms.door_profiles import DoorProfiles, door_profiles, warnings
from csms.settings import read

TLS = {"RINGMAIN_TLS_CERT": "a.pem", "RINGMAIN_TLS_KEY": "a.key"}
PROXY = {"RINGMAIN_TRUSTED_PROXIES": "10.0.0.0/8"}
HEADER = {"RINGMAIN_CLIENT_CERT_HEADER": "Client-Cert"}
WSS = {"RINGMAIN_PUBLIC_OCPP_URL": "wss://ocpp.example.com"}


@pytest.mark.parametrize(
    ("environ", "default", "possible"),
    [
        ({}, 1, {0, 1}),
        (WSS, 1, {0, 1}),
        (PROXY, 1, {0, 1, 2}),
        (PROXY | HEADER, 1, {0, 1, 2, 3}),
        (PROXY | HEADER | WSS, 2, {0, 1, 2, 3}),
        (TLS, 2, {2}),
        (TLS | {"RINGMAIN_TLS_CLIENT_CA": "ca.pem"}, 2, {2, 3}),
        (TLS | PROXY, 2, {0, 1, 2}),
    ],
)
def test_profiles_that_a_listener_can_have(
    environ: dict[str, str], default: int, possible: set[int], tmp_path: Path
) -> None:
    profiles = door_profiles(read({"RINGMAIN_DATA_DIR": str(tmp_path), **environ}))

    assert profiles.default == default
    assert {each for each in range(4) if profiles.hindrance(each) is None} == possible


def test_hindrances_name_the_settings_that_help() -> None:
    profiles = door_profiles(read({}))

    assert "RINGMAIN_TLS_CERT" in str(profiles.hindrance(2))
    assert "RINGMAIN_TLS_CLIENT_CA" in str(profiles.hindrance(3))
    assert "RINGMAIN_CLIENT_CERT_HEADER" in str(profiles.hindrance(3))


def test_chargers_that_cannot_come_in_are_counted() -> None:
    profiles = door_profiles(read(TLS))

    assert warnings({0: 0, 1: 7, 2: 5}, profiles) == [
        "Chargers of profile 1 that cannot come in: 7; chargers reach this server by TLS only."
    ]
    assert warnings({1: 7}, DoorProfiles()) == []
