"""A02: a charger gets a certificate from the authority through us, whatever the authority does."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from csms.errors import LinkError
from simulators.charger import Charger
from simulators.security import ask_for_certificate
from storage.clock import SystemClock
from storage.records import Charger as Enrolled
from storage.records import ChargerKey
from storage.secrets import digest_secret
from storage.store import open_storage
from tests import programs
from tests.authorities import chain_for, request_of
from tests.certificates import certificate
from tests.doubles import PATIENCE, settled
from tests.dying import VARIABLE
from tests.installations import variables
from tests.security.authority import installed
from tests.security.doors import trusting
from tests.security.ground import Ground, answering, served

NAME, PASSWORD = "CP-1", "a-password-of-20-let"
VERSIONS = ("1.6", "2.0.1", "2.1")
KIND = "ChargingStationCertificate"


def kind_of(version: str) -> str | None:
    return None if version == "1.6" else KIND


@contextlib.asynccontextmanager
async def playing(ground: Ground, version: str, **more: Any) -> AsyncIterator[Charger]:
    """Enrol a charger that knows its organization, and let it play."""
    password = await ground.enrol(NAME)
    charger = Charger(ground.ocpp, NAME, password, version, back_off=(0.05, 0.2), **more)
    charger.settings.put(charger.voice.names.organization, "tests")
    async with charger.running():
        await charger.wait_connected(PATIENCE)
        yield charger


def path(ground: Ground, what: str) -> str:
    return f"{ground.organization}/chargers/{NAME}/{what}"


async def events(ground: Ground) -> list[Any]:
    """Return the security events, oldest first."""
    await ground.server.storage.group.flush()
    listed = await ground.server.storage.audit.list(ground.organization_uuid, 1000)
    return [each for each in reversed(listed) if each.category == "security"]


async def becomes(ground: Ground, state: str) -> Any:
    """Wait until the charger's newest request is in a state, and return it."""
    async with asyncio.timeout(PATIENCE):
        while True:
            told = await ground.ok("GET", path(ground, "certificate_requests"))
            # A charger that was told to ask does so behind its answer.
            for newest in told["certificate_requests"][:1]:
                if newest["state"] == state:
                    return newest
            await settled()


# ---- an authority of one's own ----


@pytest.mark.sqlite_only("the authority is what is tried")
@pytest.mark.parametrize("version", VERSIONS)
async def test_a02_the_command_of_the_page_signs_what_a_charger_asks_for(
    tmp_path: Path, version: str
) -> None:
    command = installed(tmp_path / "ca")
    async with (
        served(tmp_path / "data", {"RINGMAIN_CA_COMMAND": str(command)}) as ground,
        playing(ground, version) as charger,
    ):
        assert await ask_for_certificate(charger, kind_of(version)) == "Accepted"
        request = await becomes(ground, "installed")
        (own,) = (await ground.ok("GET", path(ground, "certificates")))["certificates"]
        shown = await ground.ok("GET", f"{ground.organization}/chargers/{NAME}")

    assert charger.certificates.own is not None
    assert charger.certificates.own.chain == request["chain"]
    assert (own["source"], own["subject"]) == ("issued", f"CN={NAME},O=tests")
    assert own["issuer"] == "CN=Charger authority"
    assert shown["charger"]["client_certificate_sha256"] == own["sha256"]


async def test_a02_a_charger_comes_in_with_what_was_signed_for_it_until_that_is_revoked(
    tmp_path: Path,
) -> None:
    command = installed(tmp_path / "ca")
    own = certificate(tmp_path, "localhost")
    tls = {
        "RINGMAIN_TLS_CERT": str(own),
        "RINGMAIN_TLS_KEY": str(own),
        "RINGMAIN_TLS_CLIENT_CA": str(tmp_path / "ca" / "ca.pem"),
        "RINGMAIN_CA_COMMAND": str(command),
    }
    async with served(tmp_path / "data", tls) as ground:
        password = await ground.enrol(NAME)
        url = f"wss://localhost:{ground.server.ocpp.port}/{ground.organization_uuid}/ocpp_proxy"
        charger = Charger(url, NAME, password, "2.0.1", back_off=(0.05, 0.2), ssl=trusting())
        charger.settings.put(charger.voice.names.organization, "tests")
        async with charger.running():
            await charger.wait_connected(PATIENCE)
            assert await ask_for_certificate(charger, KIND) == "Accepted"
            await becomes(ground, "installed")

            charger.password, charger.ssl = None, shows_its_own(charger, tmp_path)
            await ground.ok(
                "PATCH", f"{ground.organization}/chargers/{NAME}", {"security_profile": 3}
            )
            before = charger.counts["connected"]
            await charger.reconnect()
            await charger.until(
                lambda it: it.counts["connected"] > before and it.connected, PATIENCE
            )

            (stored,) = (await ground.ok("GET", path(ground, "certificates")))["certificates"]
            await ground.ok("DELETE", path(ground, f"certificates/{stored['sha256']}"))
            await charger.until(lambda it: it.seen("refused"), PATIENCE)
            closed, refused = charger.seen("closed")[-1], charger.seen("refused")[-1]

    assert (closed["code"], closed["reason"]) == (1008, "client certificate revoked")
    assert refused["status"] == 401


def shows_its_own(charger: Charger, folder: Path) -> ssl.SSLContext:
    """Return how a charger speaks TLS that shows the certificate that was signed for it."""
    assert charger.certificates.own is not None
    file = folder / "own.pem"
    file.write_text(charger.certificates.own.key + charger.certificates.own.chain)
    context: ssl.SSLContext = trusting()
    context.load_cert_chain(file)
    return context


# ---- an authority in other moods ----


async def answers(request: web.Request) -> web.StreamResponse:
    """Answer as the path of the request says."""
    csr, mood = await request.text(), request.path.strip("/")
    foreign = chain_for(request_of("CP-2", "tests"))
    texts = {
        "garbage": "<html>",
        "foreign": foreign,
        "huge": "x" * 1_000_000,
        "moved": chain_for(csr),
        "slow": chain_for(csr),
    }
    statuses = {"refuses": 422, "away": 503, "redirects": 302}
    if mood == "slow":
        await asyncio.sleep(0.3)
    headers = {"Location": "/moved"}
    return web.Response(text=texts.get(mood, ""), status=statuses.get(mood, 200), headers=headers)


@pytest.mark.sqlite_only("the authority is what is tried")
@pytest.mark.parametrize(
    ("mood", "state", "told"),
    [
        ("slow", "installed", "CertificateInstalled"),
        ("away", "asking", "RINGMAIN_CA_URL has answered HTTP 503."),
        ("redirects", "asking", "RINGMAIN_CA_URL has answered HTTP 302."),
        ("refuses", "failed", "The certificate authority has refused (HTTP 422)."),
        ("garbage", "failed", "This holds no certificate in PEM."),
        ("huge", "failed", "The certificate authority has answered too much."),
        ("foreign", "failed", "The certificate is not for the key of the request."),
    ],
)
async def test_a02_a_charger_is_answered_at_once_and_its_owner_told_what_became_of_it(
    tmp_path: Path, mood: str, state: str, told: str
) -> None:
    async with (
        answering(answers) as port,
        served(tmp_path, {"RINGMAIN_CA_URL": f"http://127.0.0.1:{port}/{mood}"}) as ground,
        playing(ground, "2.0.1") as charger,
    ):
        assert await ask_for_certificate(charger, KIND) == "Accepted"
        request = await becomes(ground, state)
        async with asyncio.timeout(PATIENCE):
            while not (noted := await events(ground)):
                await settled()

    assert told in (noted[-1].action, noted[-1].details.get("reason"))
    assert noted[-1].actor == f"charger:{NAME}"
    assert request["error"] == (told if state == "failed" else None)
    assert (charger.certificates.own is not None) is (state == "installed")


@pytest.mark.sqlite_only("nothing is stored but the event")
@pytest.mark.parametrize("version", VERSIONS)
async def test_a02_without_an_authority_a_request_is_refused_and_the_owner_told_why(
    tmp_path: Path, version: str
) -> None:
    async with served(tmp_path) as ground, playing(ground, version) as charger:
        assert await ask_for_certificate(charger, kind_of(version)) == "Rejected"
        (event,) = await events(ground)

    assert event.action == "SignCertificateRefused"
    assert "RINGMAIN_CA_COMMAND" in event.details["reason"]


@pytest.mark.sqlite_only("nothing is stored but the event")
async def test_a02_a_request_in_another_chargers_name_goes_to_no_authority(
    tmp_path: Path,
) -> None:
    asked: list[str] = []

    async def hears(request: web.Request) -> web.StreamResponse:
        asked.append(await request.text())
        return web.Response(text=chain_for(asked[-1]))

    async with (
        answering(hears) as port,
        served(tmp_path, {"RINGMAIN_CA_URL": f"http://127.0.0.1:{port}"}) as ground,
        playing(ground, "1.6") as charger,
    ):
        for csr in (request_of("CP-2", "tests"), request_of(NAME, "others")):
            assert await charger.call("SignCertificate", {"csr": csr}) == {"status": "Rejected"}
        noted = await events(ground)

    assert asked == []
    assert [event.action for event in noted] == ["SignCertificateRefused"] * 2


# ---- kill -9 ----


class Place:
    """A data directory with a charger in it, its server's ports and its authority."""

    def __init__(self, folder: Path, key: ChargerKey, api_key: str) -> None:
        self.folder, self.key, self.api_key = folder, key, api_key

    @contextlib.asynccontextmanager
    async def serving(self, **more: str) -> AsyncIterator[tuple[programs.Program, Any]]:
        """Run the server in a process of its own; yield it and where it listens."""
        command = str(self.folder.parent / "ca" / "sign.sh")
        environment = {**variables(self.folder), "RINGMAIN_CA_COMMAND": command, **more}
        process = await programs.start("serve", environment=environment)
        try:
            async with asyncio.timeout(PATIENCE):
                while (line := json.loads(await process.stderr.readline()))["event"] != "ready":
                    pass
            yield process, line
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.communicate()

    def charger_url(self, ready: Any) -> str:
        """Return where the charger comes in."""
        return f"{ready['ocpp']}/{self.key.organization_uuid}/ocpp_proxy/{NAME}"

    async def installed(self, ready: Any) -> tuple[list[str], int]:
        """Wait until a certificate is installed; tell all states, and how many let it in."""
        base = f"{ready['http']}/api/v1/organizations/{self.key.organization_uuid}/chargers/{NAME}"
        async with (
            aiohttp.ClientSession(headers={"x-api-key": self.api_key}) as session,
            asyncio.timeout(PATIENCE),
        ):
            while True:
                async with session.get(f"{base}/certificate_requests") as answer:
                    told = (await answer.json())["certificate_requests"]
                if told and told[0]["state"] == "installed":
                    break
                await asyncio.sleep(0.05)
            async with session.get(f"{base}/certificates") as answer:
                own = (await answer.json())["certificates"]
        return [request["state"] for request in told], len(own)


async def placed(folder: Path) -> Place:
    installed(folder / "ca")
    data, clock = folder / "data", SystemClock()
    async with open_storage(data, clock) as storage:
        organization = await storage.organizations.create("tests")
        key = ChargerKey(organization.organization_uuid, NAME)
        digest = digest_secret(PASSWORD.encode())
        charger = Enrolled(
            key=key, charger_name=NAME, password_digest=digest, created_at=clock.now()
        )
        await storage.chargers.enroll(charger, None)
        _, api_key = await storage.api_keys.create(key.organization_uuid, "admin")
    return Place(data, key, api_key)


@pytest.mark.one_of_each("places to die at")
@pytest.mark.parametrize(
    "place",
    [
        "a request is stored",
        "a certificate is signed",
        "a certificate may be sent",
        "a certificate is taken",
    ],
)
async def test_a02_killed_in_the_middle_the_charger_still_gets_its_certificate(
    tmp_path: Path, place: str
) -> None:
    where = await placed(tmp_path)
    async with where.serving(**{VARIABLE: place}) as (process, ready):
        charger = Charger(where.charger_url(ready), NAME, PASSWORD, "2.0.1", back_off=(0.05, 0.2))
        charger.settings.put(charger.voice.names.organization, "tests")
        async with charger.running():
            await charger.wait_connected(PATIENCE)
            with contextlib.suppress(LinkError):  # it may be killed before it answers
                await ask_for_certificate(charger, KIND)
            await process.wait()
            await charger.go_offline()
            async with where.serving() as (_, again):
                charger.url = where.charger_url(again)
                charger.go_online()
                states, certificates = await where.installed(again)

    assert states == ["installed"]
    assert certificates == 1
    assert charger.certificates.own is not None
