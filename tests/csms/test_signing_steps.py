"""From a request to its end: each way that the authority and the charger may take it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509

from csms import frames
from csms.commands import Ask
from csms.errors import (
    AnswerTimeout,
    AuthorityAway,
    AuthorityRefused,
    BadAnswer,
    CallRefused,
    LinkClosed,
)
from csms.signing_rules import certificates, facts
from storage.security_records import CertificateRequest
from tests.authorities import FakeAuthority, chain_for, request_of, sign
from tests.csms.desk import Desk
from tests.csms.signing import Office, open_office
from tests.csms.test_signing_rules import Exact
from tests.doubles import settled, until
from tests.storage.doubles import ALICE, BOB, NOON
from tests.storage.repositories.test_charger_certificates import certificate

pytestmark = pytest.mark.one_of_each("how it is stored is the same, whatever is said")
GOOD = request_of(ALICE.charge_box_id, "Tests")


def sha256_of(request: CertificateRequest) -> str:
    """Return the certificate that was signed."""
    return facts(certificates(request.chain or "")[0]).sha256


async def taken(office: Office, version: str = "1.6", **more: Any) -> None:
    assert await office.asks(version, csr=GOOD, **more) == "Accepted"


@pytest.mark.parametrize(
    ("version", "asked", "told"),
    [
        ("1.6", {}, {}),
        ("2.0.1", {}, {}),
        ("2.0.1", *[{"certificateType": "ChargingStationCertificate"}] * 2),
        ("2.1", *[{"certificateType": "ChargingStationCertificate", "requestId": 7}] * 2),
    ],
)
async def test_a02_what_is_signed_goes_to_the_charger_and_is_let_in(
    version: str, asked: dict[str, Any], told: dict[str, Any], desk: Desk
) -> None:
    async with open_office(desk) as office:
        charger = office.connect(version)
        await taken(office, version, **asked)
        (request,) = await office.becomes("installed")
        (own,) = await office.certificates()
        (event,) = await office.events()

    chain = chain_for_was(request)
    assert charger.heard == [Ask("CertificateSigned", {"certificateChain": chain, **told})]
    assert desk.station(version).schemas.faults("CertificateSigned", charger.heard[0].fields) == {}
    assert request.finished_at == NOON
    assert (own.sha256, own.source, own.revoked_at) == (sha256_of(request), "issued", None)
    assert own.subject == f"CN={ALICE.charge_box_id},O=Tests"
    assert (event.action, event.result) == ("CertificateInstalled", "ok")
    assert event.details == {"sha256": own.sha256}


def chain_for_was(request: CertificateRequest) -> str:
    """Return the chain of a request, having checked that it has two certificates."""
    assert request.chain is not None
    assert len(x509.load_pem_x509_certificates(request.chain.encode())) == 2
    return request.chain


async def test_a02_it_lets_its_charger_in_from_before_it_is_sent(desk: Desk) -> None:
    async with open_office(desk) as office:
        await taken(office)
        (request,) = await office.becomes("sending")
        (own,) = await office.certificates()
        assert own.sha256 == sha256_of(request)

        charger = office.connect()
        await office.becomes("installed")
    assert len(charger.heard) == 1


@pytest.mark.parametrize("source", ["pinned", "issued"])
async def test_a02_what_the_charger_came_in_with_before_stays(source: Any, desk: Desk) -> None:
    before = certificate(source=source)
    await desk.storage.charger_certificates.add(before)
    async with open_office(desk) as office:
        office.connect()
        await taken(office)
        await office.becomes("installed")
        own = await office.certificates()

    assert before in own
    assert len(own) == 2


# ---- the authority ----


def after(failures: list[Exception]) -> FakeAuthority:
    """Return an authority that signs after these failures."""

    def behave(request: str) -> str:
        if failures:
            raise failures.pop(0)
        return chain_for(request, NOON)

    return FakeAuthority(behave)


async def test_a02_an_authority_that_is_away_is_asked_again_and_the_owner_told_once(
    desk: Desk,
) -> None:
    away = after([AuthorityAway("It is away.")] * 3)
    async with open_office(desk, away) as office:
        office.connect()
        await taken(office)
        await office.becomes("installed")
        first, last = await office.events()

    assert away.asked == [GOOD] * 4
    assert (first.action, first.result) == ("CertificateNotSigned", "delayed")
    assert first.details == {"reason": "It is away."}
    assert last.action == "CertificateInstalled"


async def test_a02_an_authority_that_stays_away_is_given_up_in_the_end(desk: Desk) -> None:
    away = after([AuthorityAway("It is away.")] * 1000)
    async with open_office(desk, away) as office:
        await taken(office)
        await until(lambda: len(away.asked) > 1)
        assert [one.state for one in await office.requests()] == ["asking"]
        desk.clock.pass_time(days=1)
        (request,) = await office.becomes("failed")
        events = await office.events()

    assert request.error == "It is away."
    assert [(one.action, one.result) for one in events] == [
        ("CertificateNotSigned", "delayed"),
        ("CertificateNotSigned", "failed"),
    ]


def foreign(request: str) -> str:
    return sign(request_of(BOB.charge_box_id, "Tests"), now=NOON)


@pytest.mark.parametrize(
    ("behave", "reason"),
    [
        (AuthorityRefused(), "The certificate authority has refused."),
        (lambda _: "garbage", "This holds no certificate in PEM."),
        (lambda _: "", "This holds no certificate in PEM."),
        (foreign, "The certificate is not for the key of the request."),
        (lambda csr: sign(csr, now=NOON, ends=-timedelta(hours=1)), "The certificate has expired."),
        (lambda csr: sign(csr, now=NOON) * 20, "This holds more than 10 certificates."),
    ],
)
async def test_a02_what_the_authority_answers_is_not_believed(
    behave: Any, reason: str, desk: Desk
) -> None:
    authority = after([behave]) if isinstance(behave, Exception) else FakeAuthority(behave)
    async with open_office(desk, authority) as office:
        charger = office.connect()
        await taken(office)
        (request,) = await office.becomes("failed")
        (event,) = await office.events()

    assert (request.error, len(authority.asked), charger.heard) == (reason, 1, [])
    assert (event.action, event.details) == ("CertificateNotSigned", {"reason": reason})
    assert await desk.storage.charger_certificates.of_charger(ALICE) == []


async def test_a02_a_certificate_that_is_known_already_is_not_sent(desk: Desk) -> None:
    answer = chain_for(GOOD, NOON)
    known = facts(certificates(answer)[0]).sha256
    await desk.storage.charger_certificates.add(certificate(known, BOB))
    async with open_office(desk, FakeAuthority(lambda _: answer)) as office:
        charger = office.connect()
        await taken(office)
        (request,) = await office.becomes("failed")

    assert request.error == "The authority has answered with a known certificate."
    assert charger.heard == []


class Strict:
    """A listener that lets nobody in."""

    def fault_of(self, _certificate: Any, _now: Any, /) -> str:
        return "has an issuer that nobody knows"


async def test_a02_a_certificate_that_the_listener_refuses_is_not_sent(desk: Desk) -> None:
    async with open_office(desk, door=Strict) as office:
        charger = office.connect()
        await taken(office)
        (request,) = await office.becomes("failed")

    assert "could not come in with the certificate" in (request.error or "")
    assert charger.heard == []


async def test_a02_what_is_signed_is_judged_when_it_has_come(desk: Desk) -> None:
    def slow(request: str) -> str:
        later = desk.clock.pass_time(hours=1)
        return sign(request, now=later, begins=timedelta())

    async with open_office(desk, FakeAuthority(slow), door=Exact) as office:
        await taken(office)
        await office.becomes("sending")


async def test_a02_without_an_authority_any_more_a_request_waits_for_one(desk: Desk) -> None:
    async with open_office(desk) as office:
        office.authority.gate.clear()
        await taken(office)
    async with open_office(desk, without_authority=True) as office:
        while not (events := await office.events()):
            await settled()
        (request,) = await office.becomes("asking")
    async with open_office(desk) as office:
        await office.becomes("sending")
    assert request.error is None
    assert "RINGMAIN_CA_COMMAND" in events[0].details["reason"]


# ---- the charger ----


def refusing(code: str) -> CallRefused:
    return CallRefused(frames.call_error("1", code, "no"))


@pytest.mark.parametrize("answer", ["Rejected", refusing("NotImplemented")])
async def test_a02_what_the_charger_does_not_take_lets_nobody_in(answer: Any, desk: Desk) -> None:
    async with open_office(desk) as office:
        office.connect("2.0.1", answer)
        await taken(office, "2.0.1")
        (request,) = await office.becomes("failed")
        (event,) = await office.events()
        assert await office.certificates() == []

    assert request.error is not None
    assert event.details == {"reason": request.error}


@pytest.mark.parametrize("answer", [BadAnswer(), "Perhaps", ""])
async def test_a02_what_it_may_have_taken_still_lets_it_in(answer: Any, desk: Desk) -> None:
    async with open_office(desk) as office:
        office.connect("1.6", answer)
        await taken(office)
        (request,) = await office.becomes("failed")
        (own,) = await office.certificates()

    assert own.sha256 == sha256_of(request)


@pytest.mark.parametrize("failure", [AnswerTimeout(), LinkClosed()])
async def test_a02_a_charger_that_does_not_answer_is_sent_it_again(
    failure: Exception, desk: Desk
) -> None:
    async with open_office(desk) as office:
        silent = office.connect("1.6", failure)
        await taken(office)
        await until(lambda: len(silent.heard) > 1)
        charger = office.connect("1.6", "Accepted")
        await office.becomes("installed")

    assert len(charger.heard) == 1


async def test_a02_who_rejects_it_after_silence_may_have_it_all_the_same(desk: Desk) -> None:
    async with open_office(desk) as office:
        silent = office.connect("1.6", AnswerTimeout())
        await taken(office)
        await until(lambda: silent.heard)
        office.connect("1.6", "Rejected")
        await office.becomes("failed")
        assert len(await office.certificates()) == 1


async def test_a02_a_charger_that_never_comes_back_is_given_up(desk: Desk) -> None:
    async with open_office(desk) as office:
        await taken(office)
        await office.becomes("sending")
        desk.clock.pass_time(days=1)
        (request,) = await office.becomes("failed")
        assert await office.certificates() == []

    assert request.error == "The charger has not taken it in time."
