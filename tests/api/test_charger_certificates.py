"""Client certificates of chargers: pinned, shown, revoked, and what was asked for."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from csms.signing_rules import certificates, facts
from storage.security_records import CertificateRequest, ChargerCertificate
from tests.api.conftest import Answer, Api, Connect
from tests.certificates import DAY, authority, signed

SHA = "0123456789abcdef" * 4


def pem(api: Api, name: str = "CP-1", ends: timedelta = 30 * DAY, **more: Any) -> str:
    """Return a certificate that is valid by the clock of the test."""
    return signed(name, since=api.clock.now(), ends=ends, **more)


def sha256_of(certificate: str) -> str:
    return facts(certificates(certificate)[0]).sha256


def base(api: Api, charge_box_id: str = "CP-1") -> str:
    return f"{api.organization}/chargers/{charge_box_id}/certificates"


async def pinned(api: Api, certificate: str, charge_box_id: str = "CP-1") -> Answer:
    return await api("POST", base(api, charge_box_id), {"certificate": certificate})


async def test_a_certificate_is_pinned_and_described(api: Api) -> None:
    await api.enrol()
    certificate = pem(api)
    got = await pinned(api, certificate + authority())
    told = got.body["certificate"]

    assert got.status == 201, got.text
    assert list(got.body) == ["success", "message", "certificate"]
    assert told["sha256"] == sha256_of(certificate)
    assert {name: told[name] for name in ("subject", "issuer", "source", "revoked_at")} == {
        "subject": "CN=CP-1",
        "issuer": "CN=Test authority",
        "source": "pinned",
        "revoked_at": None,
    }
    assert (await api.get(base(api)))["certificates"] == [told]


async def test_the_newest_valid_one_is_shown_with_the_charger(api: Api) -> None:
    await api.enrol()
    await api.enrol("CP-2")
    first, second = pem(api), pem(api)
    await pinned(api, first)
    api.clock.forward(seconds=1)
    await pinned(api, second)
    charger = f"{api.organization}/chargers/CP-1"
    assert (await api.get(charger))["charger"]["client_certificate_sha256"] == sha256_of(second)

    await api("DELETE", f"{base(api)}/{sha256_of(second)}")
    listed = (await api.get(f"{api.organization}/chargers"))["chargers"]
    assert [one["client_certificate_sha256"] for one in listed] == [sha256_of(first), None]


async def test_what_no_charger_can_come_in_with_is_not_pinned(api: Api) -> None:
    await api.enrol()
    for certificate, reason in {
        "no PEM": "no certificate in PEM",
        pem(api).replace("\n", r"\n"): "Line breaks",
        pem(api, ends=-DAY / 2): "expired",
        pem(api, begins=DAY, ends=2 * DAY): "not yet valid",
        pem(api, ca=True): "an authority's own",
    }.items():
        got = await pinned(api, certificate)
        assert got.fields == {"certificate"}
        assert reason in got.text
    assert (await api.get(base(api)))["certificates"] == []


async def test_a_certificate_is_one_chargers_and_never_revived(api: Api) -> None:
    await api.enrol()
    await api.enrol("CP-2")
    certificate = pem(api)
    await pinned(api, certificate)
    for charge_box_id, reason in (("CP-1", "The charger has"), ("CP-2", "Another charger has")):
        got = await pinned(api, certificate, charge_box_id)
        assert got.error == (409, "conflict")
        assert reason in got.text

    await api("DELETE", f"{base(api)}/{sha256_of(certificate)}")
    for charge_box_id in ("CP-1", "CP-2"):
        got = await pinned(api, certificate, charge_box_id)
        assert got.error == (409, "conflict")
        assert "was revoked" in got.text


async def test_what_was_revoked_is_known_of_a_charger_that_is_enrolled_again(api: Api) -> None:
    await api.enrol()
    revoked, other = pem(api), pem(api)
    for certificate in (revoked, other):
        await pinned(api, certificate)
    await api("DELETE", f"{base(api)}/{sha256_of(revoked)}")
    await api("DELETE", f"{api.organization}/chargers/CP-1")
    assert (await pinned(api, other)).status == 404
    await api.enrol()

    (told,) = (await api.get(base(api)))["certificates"]
    assert told["sha256"] == sha256_of(revoked)
    assert "was revoked" in (await pinned(api, revoked)).text
    assert (await pinned(api, other)).status == 201


async def test_a_charger_has_no_certificates_without_end(api: Api) -> None:
    await api.enrol()
    one = facts(certificates(pem(api))[0])
    for number in range(100):
        await api.storage.charger_certificates.add(
            ChargerCertificate(
                key=api.charger_key("CP-1"),
                sha256=f"{number:064x}",
                subject=one.subject,
                issuer=one.issuer,
                serial_number=one.serial_number,
                not_before=one.not_before,
                not_after=one.not_after,
                source="issued",
                created_at=api.clock.now(),
            )
        )
    got = await pinned(api, pem(api))
    assert got.error == (409, "conflict")
    assert "100 certificates" in got.text
    api.clock.forward(days=31)
    assert (await pinned(api, pem(api))).status == 201


async def test_revoking_closes_the_connection_that_came_in_with_it(
    api: Api, connect: Connect
) -> None:
    await api.enrol()
    certificate, other = pem(api), pem(api)
    await pinned(api, certificate)
    await pinned(api, other)
    charger = await connect()
    connection = api.parts.registry.find(api.charger_key("CP-1"))
    assert connection is not None
    api.parts.registry.replace(replace(connection, certificate_sha256=sha256_of(certificate)))

    await api("DELETE", f"{base(api)}/{sha256_of(other)}")
    assert not charger.ended.done()
    got = await api("DELETE", f"{base(api)}/{sha256_of(certificate)}")
    assert got.body["certificate"]["revoked_at"] == "2026-11-21T10:00:00.000Z"
    assert charger.link.closed is not None
    assert (charger.link.closed.code, charger.link.closed.reason) == (
        1008,
        "client certificate revoked",
    )
    api.clock.forward(days=1)
    again = await api("DELETE", f"{base(api)}/{sha256_of(certificate)}")
    assert again.body["certificate"] == got.body["certificate"]


async def test_what_is_not_there_is_not_found(api: Api) -> None:
    await api.enrol()
    await api.enrol("CP-2")
    await pinned(api, certificate := pem(api))
    for method, path in (
        ("GET", base(api, "CP-9")),
        ("GET", f"{api.organization}/chargers/CP-9/certificate_requests"),
        ("DELETE", f"{base(api)}/{SHA}"),
        ("DELETE", f"{base(api)}/{SHA.upper()}"),
        ("DELETE", f"{base(api, 'CP-2')}/{sha256_of(certificate)}"),
    ):
        assert (await api(method, path)).error == (404, "not_found")
    assert (await pinned(api, pem(api), "CP-9")).error == (404, "not_found")


async def test_only_admins_say_what_a_charger_comes_in_with(api: Api) -> None:
    await api.enrol()
    operator, reader = await api.with_scope("operate"), await api.with_scope("read")
    assert (await pinned(operator, pem(api))).status in {401, 403}
    assert (await operator("DELETE", f"{base(api)}/{SHA}")).status in {401, 403}
    assert (await reader.get(base(api)))["certificates"] == []
    requests = f"{api.organization}/chargers/CP-1/certificate_requests"
    assert (await reader.get(requests))["certificate_requests"] == []


async def test_what_a_charger_had_signed_is_shown_newest_first(api: Api) -> None:
    await api.enrol()
    first = CertificateRequest(
        request_id="r-1",
        key=api.charger_key("CP-1"),
        certificate_type="ChargingStationCertificate",
        charger_request_id=7,
        csr="CSR",
        state="asking",
        requested_at=api.clock.now(),
    )
    second = replace(first, request_id="r-2", requested_at=first.requested_at + DAY)
    await api.storage.certificate_requests.add(first)
    await api.storage.certificate_requests.add(second, instead_of=first)
    path = f"{api.organization}/chargers/CP-1/certificate_requests"
    newest, oldest = (await api.get(path))["certificate_requests"]

    assert newest == {
        "request_id": "r-2",
        "certificate_type": "ChargingStationCertificate",
        "charger_request_id": 7,
        "state": "asking",
        "error": None,
        "csr": "CSR",
        "chain": None,
        "requested_at": "2026-11-22T10:00:00.000Z",
        "finished_at": None,
    }
    assert (oldest["state"], oldest["error"]) == ("failed", "superseded")
