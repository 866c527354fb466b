"""S-22: plain only where nobody listens in, and what proxies say counts from trusted ones only."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from csms.settings import SettingError, read
from tests import certificates
from tests.doubles import PATIENCE, until
from tests.security.doors import (
    FORWARDED,
    PASSWORD,
    PROXY,
    Knocking,
    enrol,
    secured,
    told,
)
from tests.security.ground import Ground, served
from tests.security.test_s01_who_is_let_in import TRUSTED, offering, rfc9440


async def remote_of(ground: Ground, knocking: Knocking) -> str:
    """Return where a charger that is let in is said to come from."""
    async with knocking.dialled() as connection:
        await connection.send('[2,"1","Heartbeat",{}]')
        await connection.recv()
        (one,) = ground.server.registry
        return one.remote_address


@pytest.mark.sqlite_only("about headers")
async def test_s22_forwarded_headers_count_from_trusted_proxies_only(tmp_path: Path) -> None:
    async with served(tmp_path, TRUSTED) as ground:
        await enrol(ground)
        await enrol(ground, "CP02", security_profile=2)
        await enrol(ground, "CP03", security_profile=3)
        stranger = "127.0.0.3"
        forged = {"X-Forwarded-For": "198.51.100.7"}
        assert (
            await remote_of(
                ground, Knocking(ground, password=PASSWORD, headers=forged, source=stranger)
            )
            == stranger
        )
        assert (
            await remote_of(
                ground, Knocking(ground, password=PASSWORD, headers=forged, source=PROXY)
            )
            == "198.51.100.7"
        )

        by_tls = offering(ground, 2, "CP02")
        assert await by_tls.outcome() == 101
        by_certificate = offering(ground, 3, "CP03")
        assert await by_certificate.outcome() == 101
        for one in (by_tls, by_certificate):
            here = Knocking(ground, one.name, one.password, headers=one.headers, source=stranger)
            assert await here.outcome() == 401
        events = await told(ground)

    assert [each.details["security_profile_offered"] for each in events] == [1, 0]
    assert {each.actor for each in events} == {f"address:{stranger}"}


@pytest.mark.sqlite_only("about headers")
async def test_s22_a_forged_address_does_not_get_round_the_limits_of_attempts(
    tmp_path: Path,
) -> None:
    async with served(tmp_path, TRUSTED) as ground:
        await enrol(ground)
        for number in range(12):
            forged = {"X-Forwarded-For": f"198.51.100.{number}"}
            knocking = Knocking(ground, password="wrong", headers=forged, source="127.0.0.3")
            assert await knocking.outcome() == 401
        assert len(await told(ground)) == 5


NGINX = "X-SSL-Client-Cert"


RFC_9440 = "Client-Cert"


@pytest.mark.sqlite_only("about headers")
@pytest.mark.parametrize("named", [NGINX, RFC_9440, ""])
async def test_s22_a_certificate_counts_that_a_proxy_says_it_has_verified(
    tmp_path: Path, named: str
) -> None:
    """In the header that the operator has named: anybody may have said what is in others."""
    async with served(tmp_path, TRUSTED | {"RINGMAIN_CLIENT_CERT_HEADER": named}) as ground:
        await enrol(ground, security_profile=3)
        pem = certificates.signed("CP01", of=ground.organization_uuid)
        escaped = pem.replace("\n", "%0A").replace(" ", "%20").replace("+", "%2B")
        good = {**FORWARDED, NGINX: escaped, "X-SSL-Client-Verify": "SUCCESS"}
        cases: dict[str, tuple[dict[str, str], set[str]]] = {
            "nginx": (good, {NGINX}),
            "not verified": ({**good, "X-SSL-Client-Verify": "FAILED:expired"}, set()),
            "not said": ({**FORWARDED, NGINX: escaped}, set()),
            "RFC 9440": ({**FORWARDED, RFC_9440: rfc9440(pem)}, {RFC_9440}),
            "one passed on": ({**good, RFC_9440: ":AAAA:"}, {NGINX}),
            "broken": ({**FORWARDED, RFC_9440: ":AAAA:"}, set()),
            "without TLS": ({"X-Forwarded-For": "198.51.100.7", RFC_9440: rfc9440(pem)}, set()),
        }
        came = {
            name: await Knocking(
                ground, headers={**headers, "X-Forwarded-For": f"198.51.100.{number}"}, source=PROXY
            ).outcome()
            for number, (name, (headers, _)) in enumerate(cases.items())
        }

    assert came == {name: 101 if named in by else 401 for name, (_, by) in cases.items()}


@pytest.mark.parametrize("bind", ["0.0.0.0:9000", "[::]:9000", "192.0.2.1:9000"])
def test_s22_a_plain_listener_that_others_reach_is_refused_at_start(bind: str) -> None:
    with pytest.raises(SettingError, match="has no TLS"):
        read({"RINGMAIN_OCPP_BIND": bind})

    assert read({"RINGMAIN_OCPP_BIND": bind, **TRUSTED}).trusted_proxies
    assert read({"RINGMAIN_OCPP_BIND": bind, "RINGMAIN_ALLOW_PLAIN": "true"}).allow_plain


@pytest.mark.sqlite_only("about the address")
async def test_s22_chargers_are_told_wss_where_that_is_how_they_come(tmp_path: Path) -> None:
    async with secured(tmp_path) as ground:
        made = await ground.ok("POST", f"{ground.organization}/chargers", {"charge_box_id": "CP01"})
        assert made["charger"]["ocpp_url"].startswith(f"wss://{ground.server.ocpp}/")
        assert made["charger"]["security_profile"] == 2

    public = {"RINGMAIN_PUBLIC_OCPP_URL": "wss://ocpp.example.com", **TRUSTED}
    async with served(tmp_path / "proxied", public) as ground:
        made = await ground.ok("POST", f"{ground.organization}/chargers", {"charge_box_id": "CP01"})
        assert made["charger"]["ocpp_url"].startswith("wss://ocpp.example.com/")
        assert made["charger"]["security_profile"] == 2


async def test_s22_deleting_a_charger_closes_its_socket_and_kills_its_secret(
    tmp_path: Path,
) -> None:
    async with served(tmp_path) as ground:
        await enrol(ground)
        knocking = Knocking(ground, password=PASSWORD)
        async with knocking.dialled() as connection:
            await until(lambda: len(ground.server.registry) == 1)
            await ground.ok("DELETE", f"{ground.organization}/chargers/CP01")
            async with asyncio.timeout(PATIENCE):
                await connection.wait_closed()
            assert connection.close_code == 1008

        assert await knocking.outcome() == 401
        await ground.enrol("CP01")
        assert await knocking.outcome() == 401


async def test_s22_raising_the_profile_of_a_charger_closes_its_plain_socket(
    tmp_path: Path,
) -> None:
    async with served(tmp_path, TRUSTED) as ground:
        await enrol(ground)
        knocking = Knocking(ground, password=PASSWORD)
        async with knocking.dialled() as connection:
            await until(lambda: len(ground.server.registry) == 1)
            path = f"{ground.organization}/chargers/CP01"
            await ground.ok("PATCH", path, {"security_profile": 2})
            async with asyncio.timeout(PATIENCE):
                await connection.wait_closed()
            assert connection.close_code == 1008

        assert await knocking.outcome() == 401
        assert await offering(ground, 2, "CP01").outcome() == 101
