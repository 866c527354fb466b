"""Which connection details are stored, and what is said of the others."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from proxy.addresses import AddressGuard
from proxy.connection_checks import CERTIFICATE, DOMAIN, URL, faults, kept
from proxy.installing import CHARGE_POINT_ID
from storage.commissioning_records import ConnectionDetails
from tests.certificates import DAY, authority, issued, key_of, key_pem, signed
from tests.proxy.test_addresses import LOOPBACKS, OPEN, REFUSED

NOW = datetime.now(UTC).replace(microsecond=0)
STRICT = AddressGuard()
INSECURE = AddressGuard([ip_network("192.168.0.0/16")], allow_insecure=True)
GOOD = ConnectionDetails(
    version="v",
    organization_uuid="o",
    connectivity_mode="DualProtocol",
    url="wss://your-ocpp-server.com/ocpp",
    ca_certificate=authority(),
    ca_certificate_domain="your-ocpp-server.com",
    created_by="k",
    created_at=NOW,
)
OFF = replace(GOOD, connectivity_mode="OcppOff")
PLAIN = replace(GOOD, url="ws://192.168.1.101", ca_certificate=None, ca_certificate_domain=None)


def told(guard: AddressGuard = STRICT, like: ConnectionDetails = GOOD, **other: Any) -> Any:
    return faults(replace(like, **other), guard, NOW)


def test_the_samples_are_sound() -> None:
    assert told() == {}
    assert told(like=OFF) == {}
    assert told(INSECURE, PLAIN) == {}


def test_everything_that_is_wrong_is_told_at_once() -> None:
    assert told(url="wss://10.0.0.1", ca_certificate="x", ca_certificate_domain=None).keys() == {
        URL,
        CERTIFICATE,
        DOMAIN,
    }


# ---- URLs ----

NO_NAME = "With wss:// the host must be a name, not an IP address."


@pytest.mark.parametrize(
    "url",
    [
        "wss://a.example",
        "WSS://A.example:8443/",
        "wss://a.example/ocpp/?key=value",
        "wss://a.example//x/../y",
        "wss://münchen.example/ocpp",
        "wss://10.example/1.2.3.4",
    ],
)
def test_a_url_that_chargers_can_be_linked_to(url: str) -> None:
    assert told(url=url) == {}


@pytest.mark.parametrize(("url", "part"), REFUSED.items(), ids=map(repr, REFUSED))
def test_what_no_target_may_have_is_refused_by_its_name_here(url: str, part: str) -> None:
    reason = told(url=url)[URL]

    assert part in reason or (("127.0.0.1" in url or "8.8.8.8:25" in url) and reason == NO_NAME)


SPELLINGS = [
    "8.8.8.8",
    "8.8.8.8.",
    "8.8.8.8:443",
    "134744072",
    "0x8.0x8.2056",
    "010.8.8.8",
    "⑧.8.8.8",  # circled, as the resolver reads it
    "8。8。8。8",  # ideographic full stops, likewise
    *LOOPBACKS,
    *(f"[{address}]" if ":" in address else address for address in OPEN),
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[fe80::1%1]",
]


@pytest.mark.parametrize("host", SPELLINGS)
@pytest.mark.parametrize("scheme", ["wss", "WSS"])
def test_an_address_is_no_name_in_whatever_spelling(scheme: str, host: str) -> None:
    assert told(INSECURE, url=f"{scheme}://{host}/ocpp") == {URL: NO_NAME}


def test_an_address_will_do_without_tls() -> None:
    assert told(INSECURE, PLAIN, url="ws://192.168.1.101:8080/x") == {}
    assert "RINGMAIN_ALLOWED_TARGET_NETWORKS" in told(INSECURE, PLAIN, url="ws://10.0.0.1")[URL]
    assert "RINGMAIN_ALLOW_INSECURE_TARGETS" in told(STRICT, PLAIN)[URL]


@pytest.mark.parametrize(
    "url",
    [
        "wss://a.example/{charge_box_id}",
        "wss://a.example/{target_charge_box_id}",
        "wss://{charge_box_id}.example",
        "wss://a.example/{",
        "wss://a.example/?a=}",
    ],
)
def test_a_placeholder_is_refused_because_the_id_is_put_at_the_end(url: str) -> None:
    assert "placeholders" in told(url=url)[URL]


def test_a_link_needs_a_url_and_none_at_all_does_without() -> None:
    nothing: Any = {"url": None, "ca_certificate": None, "ca_certificate_domain": None}

    assert told(**nothing) == {URL: "This is required with DualProtocol."}
    assert told(like=OFF, **nothing) == {}


@pytest.mark.parametrize("field", ["ca_certificate", "ca_certificate_domain"])
@pytest.mark.parametrize("like", [GOOD, OFF], ids=["on", "off"])
def test_tls_needs_both(like: ConnectionDetails, field: str) -> None:
    named = {"ca_certificate": CERTIFICATE, "ca_certificate_domain": DOMAIN}[field]
    without: Any = {field: None}

    assert told(like=like, **without) == {named: "This is required with wss://."}
    assert told(INSECURE, PLAIN, **without) == {}


# ---- certificates ----


def test_ten_authorities_are_enough() -> None:
    assert told(ca_certificate=10 * authority()) == {}
    assert told(ca_certificate=11 * authority()) == {
        CERTIFICATE: "This holds more than 10 certificates."
    }


def test_an_authority_that_is_valid_later_is_taken() -> None:
    later = signed("Later", by="Later", ca=True, begins=DAY, ends=2 * DAY)

    assert told(ca_certificate=authority() + later) == {}


def test_an_authority_that_another_has_signed_is_taken() -> None:
    assert told(ca_certificate=signed("Branch", ca=True)) == {}


PEM = "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----"
CUT = "\n".join(authority().splitlines()[:3])


@pytest.mark.parametrize(
    "pem",
    [
        "not PEM",
        PEM.format("Your CA certificate here"),
        PEM.format("AA=="),
        PEM.format(""),
        CUT,
        authority().replace("CERTIFICATE", "TRUSTED CERTIFICATE"),
        authority().replace("CERTIFICATE", "CERTIFICATE REQUEST"),
        authority() + PEM.format("AA=="),
        "-----BEGIN PUBLIC KEY-----\nAA==\n-----END PUBLIC KEY-----",
        "\ud7ff" * 1000,
    ],
)
def test_what_is_no_certificate_is_refused(pem: str) -> None:
    assert told(ca_certificate=pem) == {CERTIFICATE: "This holds no certificate in PEM."}


def test_who_has_escaped_line_breaks_twice_is_told_so() -> None:
    assert told(ca_certificate=authority().replace("\n", "\\n")) == {
        CERTIFICATE: r"This holds no certificate in PEM: line breaks are \n in JSON, not \\n."
    }


def test_what_only_one_reader_can_read_is_refused() -> None:
    der = x509.load_pem_x509_certificate(authority().encode()).public_bytes(Encoding.DER)
    broken = der.replace(b"Test", b"Tes\xf4", 1)  # the issuer's name is no UTF-8

    assert told(ca_certificate=PEM.format(base64.b64encode(broken).decode())) == {
        CERTIFICATE: "These certificates cannot be used for TLS."
    }


@pytest.mark.parametrize("password", [None, b"secret"])
def test_a_key_is_refused_wherever_it_stands(password: bytes | None) -> None:
    key = key_pem(key_of("Depot"), password)

    for pem in (key, authority() + key, key + authority(), CUT + key):
        assert told(ca_certificate=pem) == {CERTIFICATE: "A private key has no place here."}


def test_an_expired_authority_is_named_by_its_place() -> None:
    old = signed("Old", by="Old", ca=True, begins=-2 * DAY, ends=-DAY)
    since = (datetime.now(UTC) - DAY).strftime("%Y-%m-%d")

    assert told(ca_certificate=authority() + old) == {
        CERTIFICATE: f"Certificate 2 expired on {since}."
    }


def test_one_that_ends_now_has_expired() -> None:
    ending = signed("Ending", by="Ending", ca=True, since=NOW, ends=timedelta())

    assert "expired" in told(ca_certificate=ending)[CERTIFICATE]
    assert faults(replace(GOOD, ca_certificate=ending), STRICT, NOW - timedelta(seconds=1)) == {}


def test_switching_off_works_with_an_authority_that_has_expired_meanwhile() -> None:
    old = signed("Old", by="Old", ca=True, begins=-2 * DAY, ends=-DAY)

    assert told(like=OFF, ca_certificate=old) == {}
    assert told(like=OFF, ca_certificate="x").keys() == {CERTIFICATE}


def self_signed(*extensions: x509.ExtensionType) -> str:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Root")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key_of("Root").public_key())
        .serial_number(1)
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + DAY)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=True)
    made = builder.sign(key_of("Root"), hashes.SHA256())
    return made.public_bytes(Encoding.PEM).decode()


CA = x509.BasicConstraints(ca=True, path_length=None)


def use(**granted: bool) -> x509.KeyUsage:
    none = dict.fromkeys(
        (
            "digital_signature",
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "key_cert_sign",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    return x509.KeyUsage(**{**none, **granted})


@pytest.mark.parametrize(
    "pem",
    [
        issued("Server").chain,
        authority() + issued("Server").chain,
        self_signed(),
        self_signed(x509.BasicConstraints(ca=False, path_length=None)),
        self_signed(CA, use(digital_signature=True)),
        self_signed(CA, x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.15"), b"x")),
    ],
    ids=["server", "server too", "says nothing", "says no", "may not sign", "unreadable"],
)
def test_what_is_no_authority_is_refused(pem: str) -> None:
    assert "is not a certificate authority's" in told(ca_certificate=pem)[CERTIFICATE]


def test_an_authority_that_says_what_it_is_for_is_taken() -> None:
    assert told(ca_certificate=self_signed(CA, use(key_cert_sign=True))) == {}


def test_a_sound_text_is_kept_as_it_is() -> None:
    two = authority() + signed("Branch", ca=True)

    for pem in (two, two.strip(), two.replace("\n", "\r\n"), f"\n{two}\n\n"):
        assert kept(pem) == pem


def test_what_stands_between_certificates_is_not_kept() -> None:
    noted = f"# what we trust\n{authority()}a note\n{authority()}the end"

    assert told(ca_certificate=noted) == {}
    assert kept(noted) == 2 * authority()


# ---- chargePointId ----


@pytest.mark.parametrize("name", ["EH:1", "..", ".", "Zähler", "x" * 49, "a/b", "a\n"])
def test_a_serial_number_that_cannot_be_an_id_needs_another_one(name: str) -> None:
    assert told(serial_number=name) == {
        CHARGE_POINT_ID: "This serial number cannot be the chargePointId: give another one."
    }
    assert told(serial_number=name, charge_point_id="CP-1") == {}
    assert told(like=OFF, serial_number=name) == {}
    assert told(serial_number="CP-1", charge_point_id=name).keys() == {CHARGE_POINT_ID}


def test_an_id_of_any_sound_kind_will_do() -> None:
    for name in ("EH1", "x" * 48, "...", "A b*c_d=e+f|g@h.-"):
        assert told(serial_number=name) == {}
