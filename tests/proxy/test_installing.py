"""What a version makes of a proxy configuration, what is kept, and what counts as drift."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import InvalidTarget
from proxy.installing import (
    DECIDED,
    DELETED,
    Scene,
    drift,
    planned,
    snapshot,
    taken_back,
    target_url,
)
from proxy.template import render
from storage.commissioning_records import ConnectionDetails, Installation
from storage.records import Charger, ChargerKey, ProxyConfiguration

NOW = datetime(2026, 11, 22, tzinfo=UTC)
KEY = ChargerKey("org", "CP-1")
CHARGER = Charger(
    key=KEY, charger_name="CP-1", password_digest=b"", created_at=NOW, serial_number="S-1"
)
DETAILS = ConnectionDetails(
    version="v1",
    organization_uuid="org",
    connectivity_mode="DualProtocol",
    url="wss://cpo.example:443/ocpp",
    ca_certificate="PEM",
    ca_certificate_domain="cpo.example",
    basic_auth_password="secret",
    created_by="key",
    created_at=NOW,
)
OFF = replace(DETAILS, version="off", connectivity_mode="OcppOff")
BARE = Scene(charger=CHARGER, installation=None, configuration=None)


def made(details: ConnectionDetails = DETAILS, scene: Scene = BARE) -> Scene:
    """Return the scene behind an installation."""
    plan = planned(details, scene, NOW)
    installation = Installation(
        key=KEY,
        wanted_version=plan.version,
        applied_version=plan.version,
        charge_point_id=plan.charge_point_id,
        state="applied",
        claim="c",
        requested_by="key",
        requested_at=NOW,
    )
    configuration = plan.configuration or scene.configuration
    return replace(scene, installation=installation, configuration=configuration)


def changed(scene: Scene, **changes: Any) -> Scene:
    assert scene.configuration is not None
    return replace(scene, configuration=replace(scene.configuration, **changes))


def drifted(scene: Scene, details: ConnectionDetails = DETAILS) -> tuple[str, ...]:
    assert scene.installation is not None
    return drift(details, scene.installation, scene.configuration)


def test_a_version_makes_a_configuration() -> None:
    plan = planned(DETAILS, BARE, NOW)
    new = plan.configuration
    assert new is not None
    assert new.target_websocket_url == "wss://cpo.example:443/ocpp/{target_charge_box_id}"
    assert (new.target_charge_box_id, plan.charge_point_id) == ("S-1", "S-1")
    assert (new.target_authentication_method, new.target_auth_basic_username) == ("Basic", None)
    assert (new.target_ca_certificate, new.target_ca_certificate_domain) == ("PEM", "cpo.example")
    assert (new.enabled, new.target_platform_identifier) == (True, "cpo.example")
    assert "secret" not in repr(plan)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("wss://h", "/S"),
        ("wss://h/", "/S"),
        ("wss://h:8443/16json/", "/16json/S"),
        ("ws://192.168.1.101/a/b?token=x", "/a/b/S?token=x"),
    ],
)
def test_the_id_ends_the_path(url: str, path: str) -> None:
    head = "/".join(url.split("/")[:3])
    assert render(target_url(url), "org", "CP", "S") == head + path


def test_plain_needs_neither_authority_nor_password() -> None:
    plain = replace(DETAILS, url="ws://10.0.0.1/o", basic_auth_password=None)
    new = planned(plain, BARE, NOW).configuration
    assert new is not None
    assert (new.target_ca_certificate, new.target_ca_certificate_domain) == (None, None)
    assert new.target_authentication_method == "None"


@pytest.mark.parametrize(
    ("details", "charger", "name"),
    [
        (replace(DETAILS, charge_point_id="MINE"), CHARGER, "MINE"),
        (DETAILS, CHARGER, "S-1"),
        (DETAILS, replace(CHARGER, serial_number=None), "CP-1"),
    ],
)
def test_as_whom_a_charger_is_known(
    details: ConnectionDetails, charger: Charger, name: str
) -> None:
    assert planned(details, replace(BARE, charger=charger), NOW).charge_point_id == name


@pytest.mark.parametrize(
    "scene",
    [
        replace(BARE, charger=replace(CHARGER, serial_number="a/b")),
        replace(BARE, charger=replace(CHARGER, serial_number="..")),
        replace(BARE, serial_is_shared=True),
    ],
)
def test_a_serial_number_that_is_no_id_of_its_own_is_refused(scene: Scene) -> None:
    with pytest.raises(InvalidTarget) as refused:
        planned(DETAILS, scene, NOW)
    assert refused.value.field == "chargePointId"
    named = planned(replace(DETAILS, charge_point_id="MINE"), scene, NOW)
    assert named.charge_point_id == "MINE"
    assert planned(OFF, scene, NOW).charge_point_id is None


def test_mode_role_and_policy_stay_the_owners() -> None:
    own = changed(made(), mode="strict", role="x", policy={"on_change": "drain"})
    new = planned(replace(DETAILS, version="v2", url="wss://new.example"), own, NOW).configuration
    assert new is not None
    assert (new.mode, new.role, new.policy) == ("strict", "x", {"on_change": "drain"})
    assert new.target_platform_identifier == "new.example"


def test_off_only_takes_the_link_down() -> None:
    scene = made()
    plan = planned(OFF, scene, NOW)
    assert (plan.changes, plan.charge_point_id) == (("enabled",), "S-1")
    assert plan.configuration == replace(scene.configuration, enabled=False)  # type: ignore[type-var] # it is there
    nothing = planned(OFF, BARE, NOW)
    assert (nothing.configuration, nothing.changes) == (None, ())


def test_the_same_again_changes_nothing() -> None:
    plan = planned(DETAILS, made(), NOW)
    assert (plan.configuration, plan.changes) == (None, ())
    assert drifted(made()) == ()


@pytest.mark.parametrize("name", DECIDED)
def test_what_is_changed_by_hand_is_told_and_mended(name: str) -> None:
    scene = made()
    by_hand = changed(scene, **{name: False if name == "enabled" else "by hand"})
    assert drifted(by_hand) == (name,)
    plan = planned(DETAILS, by_hand, NOW)
    assert (plan.changes, plan.configuration) == ((name,), scene.configuration)


def test_a_configuration_that_was_deleted_is_told_and_made_again() -> None:
    scene = replace(made(), configuration=None)
    assert drifted(scene) == (DELETED,)
    assert planned(DETAILS, scene, NOW).configuration == made().configuration
    assert drifted(replace(made(OFF), configuration=None), OFF) == ()


def test_a_password_that_the_target_has_set_is_kept_by_the_same_version() -> None:
    rotated = changed(made(), target_auth_basic_password="theirs", password_from_target=True)
    assert drifted(rotated) == ()
    assert planned(DETAILS, rotated, NOW).configuration is None
    moved = planned(DETAILS, changed(rotated, target_charge_box_id="x"), NOW).configuration
    assert moved == rotated.configuration
    other = planned(replace(DETAILS, version="v2"), rotated, NOW).configuration
    assert other is not None
    assert (other.target_auth_basic_password, other.password_from_target) == ("secret", False)
    lost = changed(rotated, target_auth_basic_password=None, target_authentication_method="None")
    mended = planned(DETAILS, lost, NOW).configuration
    assert mended is not None
    assert mended.target_auth_basic_password == "secret"


def test_off_keeps_a_password_that_the_target_has_set() -> None:
    rotated = changed(made(), target_auth_basic_password="theirs", password_from_target=True)
    off = made(OFF, rotated)
    assert off.configuration is not None
    assert off.configuration.password_from_target
    assert planned(OFF, off, NOW).configuration is None


FIELDS = st.fixed_dictionaries(
    {
        "target_websocket_url": st.sampled_from(["wss://a.example/{charge_box_id}", "wss://b/x"]),
        "target_authentication_method": st.sampled_from(["None", "Basic", "ClientCertificate"]),
        "target_auth_basic_username": st.sampled_from([None, "user"]),
        "target_auth_basic_password": st.sampled_from([None, "pw", "\udc80"]),
        "target_auth_client_cert_id": st.sampled_from([None, "cert"]),
        "target_charge_box_id": st.sampled_from([None, "S-1", "X"]),
        "target_ca_certificate": st.sampled_from([None, "PEM", "OTHER"]),
        "target_ca_certificate_domain": st.sampled_from([None, "cpo.example"]),
        "target_platform_identifier": st.sampled_from(["Main_CSMS", "cpo.example"]),
        "password_from_target": st.booleans(),
        "enabled": st.booleans(),
    }
)


@given(FIELDS, st.sampled_from([DETAILS, OFF, replace(DETAILS, url="ws://10.0.0.1")]))
def test_taking_back_brings_back_exactly(fields: Any, details: ConnectionDetails) -> None:
    own = ProxyConfiguration(key=KEY, **fields, created_at=NOW, updated_at=NOW)
    scene = replace(BARE, configuration=own)
    after = made(details, scene)
    assert after.configuration is not None
    back = taken_back(snapshot(scene), after, NOW)
    found = back.configuration or after.configuration
    if planned(details, scene, NOW).configuration is not None:
        assert found == own
    assert {name: getattr(found, name) for name in DECIDED} == {
        name: getattr(own, name) for name in DECIDED
    }
    assert (back.version, back.charge_point_id) == (None, None)


def test_taking_back_what_was_not_there_switches_off() -> None:
    after = made()
    plan = taken_back(snapshot(BARE), after, NOW)
    assert plan.configuration == replace(after.configuration, enabled=False)  # type: ignore[type-var] # it is there
    gone = taken_back(snapshot(BARE), replace(after, configuration=None), NOW)
    assert (gone.configuration, gone.changes) == (None, ())


def test_taking_back_what_was_deleted_since_makes_it_again() -> None:
    scene = made()
    after = replace(made(replace(DETAILS, version="v2"), scene), configuration=None)
    plan = taken_back(snapshot(scene), after, NOW)
    assert plan.configuration == scene.configuration
    assert (plan.version, plan.charge_point_id) == ("v1", "S-1")
