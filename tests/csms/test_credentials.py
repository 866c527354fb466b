from __future__ import annotations

import base64
import ssl
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.credentials import CHARGE_BOX_ID, certificate_of, charger_of, presented_password
from storage.records import ChargerKey
from tests.certificates import signed
from tests.hostile import ORGANIZATION, WRONG_PATHS

KEY = ChargerKey(ORGANIZATION, "CP01")


def basic(user: bytes, password: bytes) -> str:
    return "Basic " + base64.b64encode(user + b":" + password).decode()


@pytest.mark.parametrize("door", ["ocpp_proxy", "ocpp"])
def test_charger_is_named_by_the_path(door: str) -> None:
    assert charger_of(f"/{ORGANIZATION}/{door}/CP01") == KEY


@pytest.mark.parametrize(
    ("encoded", "charge_box_id"),
    [
        ("CP%2001", "CP 01"),
        ("CP%7C01", "CP|01"),
        ("CP+01", "CP+01"),
        ("CP%2B01", "CP+01"),
        ("*_=+|@.-", "*_=+|@.-"),
        ("x" * 48, "x" * 48),
    ],
)
def test_charge_box_id_is_percent_decoded_once(encoded: str, charge_box_id: str) -> None:
    assert charger_of(f"/{ORGANIZATION}/ocpp/{encoded}") == (ORGANIZATION, charge_box_id)


@pytest.mark.parametrize("path", WRONG_PATHS)
def test_path_that_is_not_the_canonical_one_names_nobody(path: str) -> None:
    assert charger_of(path) is None


@given(st.text(st.characters(codec="utf-8")))
def test_no_path_names_a_charger_outside_the_alphabet(text: str) -> None:
    key = charger_of(f"/{ORGANIZATION}/ocpp/{text}")

    assert key is None or CHARGE_BOX_ID.fullmatch(key.charge_box_id)
    charger_of(text)


@given(st.from_regex(CHARGE_BOX_ID, fullmatch=True))
def test_every_charge_box_id_can_be_written_into_a_path(charge_box_id: str) -> None:
    path = f"/{ORGANIZATION}/ocpp/{quote(charge_box_id, safe='')}"

    assert charger_of(path) == (ORGANIZATION, charge_box_id)


@pytest.mark.parametrize(
    "password",
    [
        b"secret",
        b"with:colons:and%25",
        b"",
        bytes(range(236, 256)),
        b"\x00:\xff" * 6 + b"ab",
        "ünïcode".encode(),
    ],
)
def test_password_is_bytes_behind_the_first_colon(password: bytes) -> None:
    assert presented_password([basic(b"CP01", password)], KEY) == password


def test_scheme_has_no_case_and_blanks_around_the_credentials_are_tolerated() -> None:
    header = basic(b"CP01", b"secret")

    assert presented_password([header.replace("Basic", "bAsIc")], KEY) == b"secret"
    assert presented_password([header.replace(" ", "   ") + " "], KEY) == b"secret"


GOOD = basic(b"CP01", b"secret")


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [GOOD, GOOD],
        [GOOD, basic(b"CP01", b"other")],
        [f"{GOOD}, {GOOD}"],
        [""],
        ["Basic"],
        ["Basic "],
        [GOOD.replace("Basic", "Bearer")],
        [GOOD.removeprefix("Basic ")],
        ["Basic " + base64.b64encode(b"CP01").decode()],
        ["Basic Q1AwMTpzZWNyZXQ"],
        ["Basic Q1AwMTpz\x00ZWNyZXQ="],
        ["Basic Q1AwMTpzZWNyZXQ=!"],
        ["Basic Q1AwMTpzZWNyZXQü"],
        [basic(b"CP02", b"secret")],
        [basic(b"cp01", b"secret")],
        [basic(b"CP01 ", b"secret")],
        [basic(b"", b"secret")],
        [basic(b"CP\xff1", b"secret")],
    ],
)
def test_header_that_is_not_one_basic_header_of_this_charger_is_none(headers: list[str]) -> None:
    assert presented_password(headers, KEY) is None


def test_nobody_has_no_password() -> None:
    assert presented_password([GOOD], None) is None


@given(st.lists(st.text(), max_size=2))
def test_no_header_raises(headers: list[str]) -> None:
    presented_password(headers, KEY)
    presented_password([f"Basic {header}" for header in headers], KEY)


# ---- the certificate of TLS, or of a proxy ----

GOOD_DER = ssl.PEM_cert_to_DER_cert(signed("CP01"))


def test_a_certificate_is_read() -> None:
    assert certificate_of(GOOD_DER) is not None


@pytest.mark.parametrize(
    ("there", "instead"),
    [
        (bytes.fromhex("a003020102"), bytes.fromhex("a003020107")),  # version 8
        (bytes.fromhex("2a8648ce3d0201"), bytes.fromhex("2a8648ce3d0209")),  # a kind of key
        (bytes.fromhex("2a8648ce3d030107"), bytes.fromhex("2a8648ce3d03017f")),  # a curve
        (bytes.fromhex("551d11"), bytes.fromhex("551d13")),  # an extension that is there twice
        (bytes.fromhex("0603550403 0c"), bytes.fromhex("0603550403 03")),  # a name made of bits
    ],
)
def test_a_certificate_that_nobody_here_can_read_is_none(there: bytes, instead: bytes) -> None:
    assert there in GOOD_DER

    assert certificate_of(GOOD_DER.replace(there, instead)) is None


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
def test_no_certificate_raises() -> None:
    for place in range(len(GOOD_DER)):
        for octet in (0, 1, 7, 0x7F, 0xFF):
            certificate_of(GOOD_DER[:place] + bytes([octet]) + GOOD_DER[place + 1 :])
