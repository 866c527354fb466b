from __future__ import annotations

import base64
import ssl
from ipaddress import ip_network
from urllib.parse import quote

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from csms.forwarded import Origin, origin_of
from tests.certificates import signed

TRUSTED = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
PROXY = Origin("10.1.2.3")
OWN = Origin("10.1.2.3", tls=True, certificate=b"own")


class Headers(list[tuple[str, str]]):
    """Headers as they came."""

    def get_all(self, key: str, /) -> list[str]:
        return [value for name, value in self if name.lower() == key.lower()]


def origin(
    *headers: tuple[str, str], peer: Origin = PROXY, told_by: str | None = "client-cert"
) -> Origin:
    return origin_of(peer, Headers(headers), TRUSTED, told_by)


@pytest.mark.parametrize(
    ("chain", "address"),
    [
        (["198.51.100.7"], "198.51.100.7"),
        (["1.2.3.4, 198.51.100.7"], "198.51.100.7"),
        (["1.2.3.4", "198.51.100.7"], "198.51.100.7"),
        (["1.2.3.4, 198.51.100.7, 10.9.9.9"], "198.51.100.7"),
        (["198.51.100.7:4711"], "198.51.100.7"),
        (["[2001:db8::7]:4711"], "2001:db8::7"),
        (["2001:db8::7"], "2001:db8::7"),
        (["10.9.9.9"], "10.9.9.9"),
        (["nonsense"], "10.1.2.3"),
        (["198.51.100.7, nonsense"], "10.1.2.3"),
        ([""], "10.1.2.3"),
    ],
)
def test_the_client_is_the_first_from_the_right_that_is_no_proxy(
    chain: list[str], address: str
) -> None:
    assert origin(*(("X-Forwarded-For", line) for line in chain)).address == address


@pytest.mark.parametrize(
    ("protocols", "tls"),
    [
        (["https"], True),
        (["WSS"], True),
        (["http"], False),
        ([], False),
        (["https", "http"], False),
        (["https, http"], False),
        (["https,https"], True),
        ([""], False),
    ],
)
def test_tls_is_what_the_proxy_says(protocols: list[str], tls: bool) -> None:  # noqa: FBT001 - one of a table
    said = [("X-Forwarded-Proto", each) for each in protocols]

    assert origin(("X-Forwarded-For", "198.51.100.7"), *said, peer=OWN).tls is tls


def test_whoever_speaks_for_nobody_is_itself_and_others_are_not_believed() -> None:
    stranger = Origin("198.51.100.7", tls=True, certificate=b"own")

    assert origin(peer=OWN) == OWN
    assert origin(("X-Forwarded-Proto", "http"), ("Client-Cert", ":AA==:"), peer=stranger) == (
        stranger
    )


def test_a_proxy_behind_a_listener_for_both_families_is_known() -> None:
    mapped = Origin("::ffff:10.1.2.3")

    assert origin(("X-Forwarded-For", "198.51.100.7"), peer=mapped).address == "198.51.100.7"


def test_the_certificate_of_the_proxy_itself_is_not_the_charger_s() -> None:
    assert origin(("X-Forwarded-Proto", "https"), peer=OWN).certificate is None


@given(st.lists(st.text(st.characters(min_codepoint=32, max_codepoint=255)), max_size=3))
def test_no_header_of_a_proxy_raises(values: list[str]) -> None:
    names = ("X-Forwarded-For", "Client-Cert", "X-SSL-Client-Cert")
    said = [(name, value) for value in values for name in names]

    said += [("X-Forwarded-Proto", "https"), ("X-SSL-Client-Verify", "SUCCESS")]
    for name in names[1:]:
        origin(*said, told_by=name.lower())


@pytest.mark.parametrize("name", ["Client-Cert", "X-SSL-Client-Cert"])
def test_a_certificate_of_an_unknown_version_is_none(name: str) -> None:
    der = ssl.PEM_cert_to_DER_cert(signed("CP01"))
    odd = der.replace(bytes.fromhex("a003020102"), bytes.fromhex("a003020107"))
    shown = {
        "Client-Cert": f":{base64.b64encode(odd).decode()}:",
        "X-SSL-Client-Cert": quote(ssl.DER_cert_to_PEM_cert(odd)),
    }
    said = ("X-Forwarded-Proto", "https"), ("X-SSL-Client-Verify", "SUCCESS")

    assert origin((name, shown[name]), *said, told_by=name.lower()).certificate is None


def shown_by_all_means() -> list[tuple[str, str]]:
    """Return what a proxy passes on that lets everything through that a charger says."""
    return [
        ("X-Forwarded-Proto", "https"),
        ("Client-Cert", f":{inner_of(signed('CP01'))}:"),
        ("X-SSL-Client-Cert", quote(signed("CP02"))),
        ("X-SSL-Client-Verify", "SUCCESS"),
    ]


def test_no_certificate_is_believed_unless_a_header_is_named() -> None:
    assert origin(*shown_by_all_means(), told_by=None).certificate is None


@pytest.mark.parametrize(
    ("told_by", "name"), [("client-cert", "CP01"), ("x-ssl-client-cert", "CP02")]
)
def test_only_the_header_that_is_named_tells_of_a_certificate(told_by: str, name: str) -> None:
    said = shown_by_all_means()
    found = origin(*said, told_by=told_by).certificate
    rest = [each for each in said if each[0].lower() != told_by]

    assert found is not None
    assert f"CN={name}" in x509.load_der_x509_certificate(found).subject.rfc4514_string()
    assert origin(*rest, told_by=told_by).certificate is None
    assert origin(*said, *said, told_by=told_by).certificate is None


def test_nginx_says_whether_it_has_verified_it() -> None:
    said = shown_by_all_means()[:3]

    for verdict in (("X-SSL-Client-Verify", "FAILED:expired"), ("X-Else", "")):
        assert origin(*said, verdict, told_by="x-ssl-client-cert").certificate is None


def inner_of(pem: str) -> str:
    return "".join(pem.split("-----")[2].split())


def test_a_certificate_is_handed_on_as_it_is() -> None:
    pem = signed("CP01")
    found = origin(("X-Forwarded-Proto", "https"), ("Client-Cert", f":{inner_of(pem)}:"))

    assert found.certificate is not None
    assert found.forwarded
