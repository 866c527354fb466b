"""How we speak TLS with targets, and that a key leaves nothing behind."""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path
from typing import Any

import pytest

from proxy.tls import Identity, context, reason, server_name
from tests.certificates import DAY, authority, issued, signed

pytestmark = pytest.mark.sqlite_only("nothing is stored")


def test_certificate_and_name_are_always_verified() -> None:
    for made in (context(), context(authority()), context(authority(), Identity(*issued("Depot")))):
        assert made.verify_mode is ssl.CERT_REQUIRED
        assert made.check_hostname
        assert made.minimum_version is ssl.TLSVersion.TLSv1_2


def test_a_pinned_authority_is_the_only_one() -> None:
    assert [each["subject"] for each in context(authority()).get_ca_certs()] == [
        ((("commonName", "Test authority"),),)
    ]


def test_a_context_is_made_once() -> None:
    chain, key = issued("Depot")
    first, again = (context(authority(), Identity(chain, key)) for _ in range(2))

    assert first is again
    assert first is not context(authority())


def test_the_key_lies_sealed_in_a_private_file_that_is_gone_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    load, seen = ssl.SSLContext.load_cert_chain, []

    def look(made: ssl.SSLContext, file: str, **named: Any) -> None:
        seen.append((Path(file).parent, Path(file).stat().st_mode & 0o777, Path(file).read_text()))
        load(made, file, **named)

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", look)
    context(authority(), Identity(*issued("Never seen before")))

    [(folder, mode, text)] = seen
    assert (folder, mode) == (tmp_path, 0o600)
    assert "BEGIN ENCRYPTED PRIVATE KEY" in text
    assert "BEGIN PRIVATE KEY" not in text
    assert list(tmp_path.iterdir()) == []


def test_an_identity_does_not_show_its_key() -> None:
    assert "PRIVATE" not in repr(Identity(*issued("Depot")))


def fault(reason: str) -> ssl.SSLError:
    made = ssl.SSLError(1, "[SSL] something (_ssl.c:1006)")
    made.reason = reason
    return made


@pytest.mark.parametrize(
    ("alert", "said"),
    [
        (
            "SSLV3_ALERT_CERTIFICATE_REVOKED",
            "The target refused our client certificate: it is revoked.",
        ),
        (
            "TLSV1_ALERT_ACCESS_DENIED",
            "The target refused our client certificate: it is not accepted there.",
        ),
        ("HTTP_REQUEST", "The target does not speak TLS."),
        ("SOMETHING_NEW", "TLS failed: something new."),
        ("", "TLS failed: no reason given."),
    ],
)
def test_an_alert_becomes_a_sentence(alert: str, said: str) -> None:
    assert reason(fault(alert)) == said


def distrust(code: int, message: str = "") -> ssl.SSLCertVerificationError:
    made = ssl.SSLCertVerificationError()
    made.verify_code, made.verify_message = code, message
    return made


@pytest.mark.parametrize("pinned", [None, authority()], ids=["system", "pinned"])
@pytest.mark.parametrize(
    ("code", "said"),
    [
        (9, "it is not valid yet"),
        (10, "it has expired"),
        (23, "certificate revoked"),  # in the library's words
        (26, "it is not for servers"),
        (62, "it is for another name than ocpp.operator.example"),
        (79, "what has issued it is no authority"),
    ],
)
def test_a_distrust_becomes_a_sentence(code: int, said: str, pinned: str | None) -> None:
    told = reason(distrust(code, "certificate revoked"), "ocpp.operator.example", pinned)

    assert told == f"The target's certificate is not trusted: {said}."


def test_of_several_pinned_authorities_one_may_have_expired() -> None:
    both = authority() + signed("Old authority", by="Old authority", ca=True, ends=-DAY / 2)

    assert reason(distrust(10), "x.example", both).endswith("not trusted: it has expired.")


@pytest.mark.parametrize(
    ("host", "domain", "name"),
    [
        ("x.example", None, "x.example"),
        ("x.example.", None, "x.example"),
        ("127.0.0.1", None, "127.0.0.1"),
        ("x.example", "ocpp.operator.example", "ocpp.operator.example"),
        ("127.0.0.1", "ocpp.operator.example.", "ocpp.operator.example"),
    ],
)
def test_the_domain_holds_where_there_is_one(host: str, domain: str | None, name: str) -> None:
    assert server_name(host, domain) == name
