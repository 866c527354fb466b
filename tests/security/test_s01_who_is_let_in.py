"""S-01: who a charger is comes from its record, and it is let in before the upgrade or not at all.

Each has one security profile and comes in with no other (A00.FR.001 to 003).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from simulators.sockets import basic
from tests import certificates
from tests.hostile import ORGANIZATION, WRONG_PATHS
from tests.security.doors import (
    FORWARDED,
    PASSWORD,
    PROXY,
    Knocking,
    answer,
    authorization,
    enrol,
    secured,
    told,
    trusting,
)
from tests.security.ground import Ground, served

TRUSTED = {
    "RINGMAIN_TRUSTED_PROXIES": f"{PROXY}/32",
    "RINGMAIN_CLIENT_CERT_HEADER": "Client-Cert",
}


def offering(ground: Ground, profile: int, name: str) -> Knocking:
    """Return who knocks through the proxy with what makes up a profile."""
    shown = certificates.signed(name, of=ground.organization_uuid)
    headers = {
        0: {},
        1: {},
        2: FORWARDED,
        3: {**FORWARDED, "Client-Cert": rfc9440(shown)},
    }[profile]
    password = PASSWORD if profile in (1, 2) else None
    return Knocking(ground, name, password, headers=headers, source=PROXY)


def rfc9440(pem: str) -> str:
    """Write a certificate as a proxy does: DER in base64 between colons."""
    return ":" + "".join(pem.split("-----")[2].split()) + ":"


async def test_s01_each_charger_comes_in_with_its_own_security_profile_only(
    tmp_path: Path,
) -> None:
    async with served(tmp_path, TRUSTED) as ground:
        came = {}
        for configured in range(4):
            name = f"CP-{configured}"
            await enrol(ground, name, security_profile=configured)
            for offered in range(4):
                came[configured, offered] = await offering(ground, offered, name).outcome()

        assert came == {
            (configured, offered): 101 if configured == offered else 401
            for configured in range(4)
            for offered in range(4)
        }
        events = await told(ground)

    assert {each.action for each in events} == {"SecurityProfileMismatch"}
    assert len(events) == 12
    (one,) = [
        each
        for each in events
        if each.charge_box_id == "CP-2" and each.details["security_profile_offered"] == 1
    ]
    assert one.details["advice"] == (
        "It came without TLS, with a password (profile 1), and security_profile is 2: change how "
        'it dials, or PATCH the charger with {"security_profile": 1}. A TLS proxy in front has to '
        "be trusted, and to send X-Forwarded-Proto: https."
    )


async def test_s01_so_it_is_where_the_listener_speaks_tls_itself(tmp_path: Path) -> None:
    async with secured(tmp_path) as ground:
        came = {}
        for configured in range(4):
            name = f"CP-{configured}"
            await enrol(ground, name, security_profile=configured)
            shown = certificates.issued(name, of=ground.organization_uuid)
            dials = {2: trusting(), 3: trusting(shown, tmp_path)}
            for offered, tls in dials.items():
                came[configured, offered] = await Knocking(ground, name, PASSWORD, tls).outcome()
        plain = await Knocking(ground, "CP-1", PASSWORD).outcome()

    assert {pair for pair, status in came.items() if status == 101} == {(2, 2), (3, 3)}
    assert {status for pair, status in came.items() if pair not in {(2, 2), (3, 3)}} == {401}
    assert plain == "tls"


@pytest.mark.sqlite_only("about what is presented")
async def test_s01_no_password_and_another_name_are_told_from_a_wrong_password(
    tmp_path: Path,
) -> None:
    async with served(tmp_path, TRUSTED) as ground:
        await enrol(ground, "CP-2", security_profile=2)
        await enrol(ground, "CP-3", security_profile=3)
        named = {**FORWARDED, "Authorization": basic("operator", PASSWORD)}
        for name, headers in (("CP-2", FORWARDED), ("CP-2", named), ("CP-3", FORWARDED)):
            knocking = Knocking(ground, name, headers=headers, source=PROXY)
            assert await knocking.outcome() == 401
        events = await told(ground)

    advised = [(each.action, each.details["advice"]) for each in events]
    assert [action for action, _ in advised] == [
        "FailedToAuthenticateAtCsms",
        "FailedToAuthenticateAtCsms",
        "SecurityProfileMismatch",
    ]
    told_so = ["It sent no password", "user name", "RINGMAIN_CLIENT_CERT_HEADER"]
    assert all(word in said for word, (_, said) in zip(told_so, advised, strict=True))


@pytest.mark.sqlite_only("about the path")
async def test_s01_only_the_exact_path_leads_to_a_charger(tmp_path: Path) -> None:
    async with served(tmp_path) as ground:
        await enrol(ground)
        right = f"/{ground.organization_uuid}/ocpp/CP01"
        header = authorization("CP01", PASSWORD)
        for path in WRONG_PATHS:
            wrong = path.replace(ORGANIZATION, ground.organization_uuid) or "*"
            said = await answer(ground, wrong, header)
            # Where the request itself is broken there is no answer at all.
            assert said == b"" or said.split()[1] in (b"400", b"401"), wrong
        for path in (f"//{right}", f"{right}%00", right.replace("CP01", "%43P01/../CP01")):
            assert (await answer(ground, path, header)).split()[1] == b"401", path
        assert len(ground.server.registry) == 0
        assert await Knocking(ground, password=PASSWORD, source="127.0.0.3").outcome() == 101


@pytest.mark.sqlite_only("about headers")
async def test_s01_no_header_says_who_a_charger_is_or_whose(tmp_path: Path) -> None:
    lies = {
        "X-Organization": ORGANIZATION,
        "X-Charge-Box-Id": "CP02",
        "X-Original-URL": f"/{ORGANIZATION}/ocpp/CP02",
        "X-Rewrite-URL": "/",
        "Forwarded": "for=203.0.113.9;proto=https",
    }
    async with served(tmp_path) as ground:
        key = await enrol(ground)
        async with Knocking(ground, password=PASSWORD, headers=lies).dialled() as connection:
            await connection.send('[2,"1","Heartbeat",{}]')
            await connection.recv()
            assert [each.key for each in ground.server.registry] == [key]


async def test_s01_a_profile_that_it_was_told_to_change_to_becomes_its_own_once_used(
    tmp_path: Path,
) -> None:
    async with served(tmp_path, TRUSTED) as ground:
        key = await enrol(ground, security_profile=1, next_security_profile=2)
        assert await offering(ground, 1, "CP01").outcome() == 101  # it has not restarted yet
        assert await offering(ground, 2, "CP01").outcome() == 101

        stored = await ground.server.storage.chargers.get(key)
        assert stored is not None
        assert (stored.security_profile, stored.next_security_profile) == (2, None)
        assert await offering(ground, 1, "CP01").outcome() == 401
        events = [each.action for each in await told(ground)]

    assert events == ["ReconfigurationOfSecurityParameters", "SecurityProfileMismatch"]


@pytest.mark.sqlite_only("about what is presented")
async def test_s01_a_password_as_hex_digits_is_let_in_where_its_owner_says_so(
    tmp_path: Path,
) -> None:
    digits = PASSWORD.encode().hex().upper()
    async with served(tmp_path) as ground:
        key = await enrol(ground)
        assert await Knocking(ground, password=digits).outcome() == 401
        await ground.server.storage.chargers.update(key, hex_password=True)

        assert await Knocking(ground, password=digits).outcome() == 101
        assert await Knocking(ground, password=PASSWORD).outcome() == 101
        assert await Knocking(ground, password=digits + "00").outcome() == 401


async def test_s01_every_refusal_that_was_evaluated_tells_the_owner_what_to_do(
    tmp_path: Path,
) -> None:
    async with served(tmp_path) as ground:
        await enrol(ground)
        await enrol(ground, "CP02", security_profile=2)
        await Knocking(ground, password="wrong").outcome()
        await Knocking(ground, "CP02", PASSWORD).outcome()
        await Knocking(ground, "CP99", PASSWORD).outcome()
        foreign = f"/{ORGANIZATION}/ocpp/CP01"
        await Knocking(ground, password=PASSWORD, path=foreign).outcome()
        events = await told(ground)

    assert [(each.action, each.charge_box_id, each.actor, each.result) for each in events] == [
        ("FailedToAuthenticateAtCsms", "CP01", "address:127.0.0.1", "refused"),
        ("SecurityProfileMismatch", "CP02", "address:127.0.0.1", "refused"),
        ("UnknownCharger", "CP99", "address:127.0.0.1", "refused"),
    ]
    helps = ["rotate-password", "security_profile", "enrol it"]
    assert all(word in each.details["advice"] for word, each in zip(helps, events, strict=True))
    assert PASSWORD not in str(events)
