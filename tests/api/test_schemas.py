"""JSON is taken at its word, bounds are declared, and what is promised for later says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from marshmallow import Schema, ValidationError, fields

from api.schemas.chargers import EnrolmentRequest
from api.schemas.fields import Boolean, Digits, Flag, FreeForm, Integer, Moment, Pattern
from api.schemas.messages import MessageQuery
from api.schemas.operations import StartRequest

MINIMAL = {
    "charge_box_id": "CP-1",
    "target_platform_identifier": "CSMS",
    "target_websocket_url": "wss://third-party.com/{charge_box_id}",
    "target_authentication_method": "None",
}


def faults(schema: Schema, body: dict[str, Any]) -> dict[str, list[str]]:
    found = schema.validate(body)
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (Integer(), "7"),
        (Integer(), True),
        (Moment(), "2026-11-21T10:00:00." + "0" * 40 + "Z"),
        (Integer(), 7.5),
        (Integer(), None),
        (Boolean(), "true"),
        (Boolean(), 1),
        (Digits(), "+7"),
        (Digits(), "\u0667"),
        (Digits(), "1_0"),
        (Digits(), ""),
        (Flag(), "yes"),
        (Flag(), "1"),
        (Moment(), "yesterday"),
        (Moment(), "2026-11-21T10:00:00"),
        (Moment(), "9999-12-31T23:59:59-23:59"),
        (Moment(), "0001-01-01T00:00:00+23:59"),
        (Moment(), 1763719200),
        (fields.String(), 7),
    ],
)
def test_a_value_of_another_type_is_refused(field: fields.Field[Any], value: Any) -> None:
    with pytest.raises(ValidationError):
        field.deserialize(value)


def test_an_integer_may_be_written_as_a_number_without_a_fraction() -> None:
    got = Integer().deserialize(7.0)

    assert (got, type(got)) == (7, int)


def test_a_free_form_has_so_many_fields_at_most() -> None:
    assert FreeForm(2).deserialize({"a": 1, "b": [2]}) == {"a": 1, "b": [2]}
    with pytest.raises(ValidationError):
        FreeForm(2).deserialize({"a": 1, "b": 2, "c": 3})


@pytest.mark.parametrize("text", ["2026-11-21T11:00:00+01:00", "2026-11-21T11:00:00 01:00"])
def test_a_moment_is_understood_in_any_zone_even_when_a_query_lost_its_plus(text: str) -> None:
    assert Moment().deserialize(text) == datetime(2026, 11, 21, 10, tzinfo=UTC)


def test_a_moment_is_told_in_utc_with_milliseconds() -> None:
    moment = datetime(2026, 11, 21, 10, 0, 0, 1500, tzinfo=UTC)

    assert Moment().serialize("at", {"at": moment}) == "2026-11-21T10:00:00.001Z"


def test_a_pattern_matches_the_whole_text() -> None:
    Pattern("[a-z]+")("abc")
    with pytest.raises(ValidationError):
        Pattern("[a-z]+")("abc\n")


@pytest.mark.parametrize(
    "charge_box_id",
    ["CP-1", "a", "A*_=+|@. -9", "x" * 48, "..."],
)
def test_a_charge_box_id_has_the_characters_that_ocpp_allows(charge_box_id: str) -> None:
    assert faults(EnrolmentRequest(), {**MINIMAL, "charge_box_id": charge_box_id}) == {}


@pytest.mark.parametrize(
    "charge_box_id",
    ["", "x" * 49, "a:b", "a/b", "a%b", "é", "a\n", "{x}", "a\x00", ".", "..", "a#b", "a?b"],
)
def test_another_charge_box_id_is_refused(charge_box_id: str) -> None:
    body = {**MINIMAL, "charge_box_id": charge_box_id}

    assert set(faults(EnrolmentRequest(), body)) == {"charge_box_id"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("charger_name", ""),
        ("charger_name", "x" * 256),
        ("charger_name", "bell\x07"),
        ("target_platform_identifier", None),
        ("target_authentication_method", "Digest"),
        ("target_auth_basic_username", "user:name"),
        ("target_charge_box_id", "a/b"),
        ("target_ca_certificate", "-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----"),
        ("target_ca_certificate", "no certificate"),
        ("target_ca_certificate", "\u00e9"),
        ("enabled", "true"),
        ("mode", "loose"),
        ("security_profile", 4),
        ("security_profile", True),
        ("allowed_versions", ["1.5"]),
        ("unheard_of", 1),
    ],
)
def test_a_value_out_of_bounds_is_named(name: str, value: Any) -> None:
    assert set(faults(EnrolmentRequest(), {**MINIMAL, name: value})) == {name}


def pem_of(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def test_a_certificate_in_pem_is_one_without_its_key() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
        .decode()
    )

    assert faults(EnrolmentRequest(), {**MINIMAL, "target_ca_certificate": certificate}) == {}
    with_key = certificate + pem_of(key)
    assert faults(EnrolmentRequest(), {**MINIMAL, "target_ca_certificate": with_key}) == {
        "target_ca_certificate": ["A private key has no place here."]
    }


def test_the_operations_api_speaks_camel_case() -> None:
    body = {"idToken": "T", "vehicleIdentification": {"anything": [1]}}

    assert StartRequest().load(body)["id_token"] == "T"
    assert faults(StartRequest(), {"id_token": "T"}) == {"id_token": ["Unknown field."]}


def test_what_a_caller_tells_of_a_vehicle_is_short() -> None:
    named = {"vehicleIdentification": {"vin": "X" * 9000}}

    assert faults(StartRequest(), named) == {"vehicleIdentification": ["Longer than 8192 bytes."]}


def test_a_query_has_defaults() -> None:
    assert MessageQuery().load({})["limit"] == 100
    assert set(faults(MessageQuery(), {"limit": "1001", "cursor": "!", "direction": "up"})) == {
        "limit",
        "cursor",
        "direction",
    }


@pytest.mark.parametrize("name", ["a/b", "a:b", "Säule", "CP\n1", ".."])
def test_a_name_that_cannot_be_is_told_which_can(name: str) -> None:
    [told] = faults(EnrolmentRequest(), {**MINIMAL, "charge_box_id": name})["charge_box_id"]

    assert "digits, * _ = + | @ . - and spaces can, at most 48" in told
