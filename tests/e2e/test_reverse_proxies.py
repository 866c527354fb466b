"""The files of deploy/ for proxies in front, in the real programs: who comes in, and as whom."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from simulators.sockets import SILENT, basic
from tests import certificates
from tests.doubles import PATIENCE
from tests.e2e.pages import ROOT, blocks
from tests.e2e.stages import free_ports
from tests.security.doors import HEARTBEAT, PASSWORD, enrol
from tests.security.ground import Ground, served
from tests.security.test_s01_who_is_let_in import rfc9440

OCPP, HTTP = "ocpp.example.com", "ringmain.example.com"


@dataclass(frozen=True)
class Front:
    """A proxy: its file, how it is run, and which of its words are others here."""

    file: str
    header: str
    command: Callable[[Path], tuple[str, ...]]
    words: Mapping[str, str]
    two_ports: bool = False

    def configured(self, ground: Ground, folder: Path, ports: tuple[int, int]) -> Path:
        text = (ROOT / "deploy" / self.file).read_text()
        here = {
            **self.words,
            "127.0.0.1:9000": str(ground.server.ocpp),
            "127.0.0.1:8080": str(ground.server.http),
            "/etc/ssl/ringmain": str(folder),
        }
        for shown, other in here.items():
            assert shown in text, shown
            named = other.format(folder=folder, chargers=ports[0], http=ports[1])
            text = text.replace(shown, named)
        (folder / self.file).write_text(text)
        return folder / self.file


FRONTS = {
    "nginx": Front(
        "nginx.conf",
        "X-SSL-Client-Cert",
        lambda file: ("-p", str(file.parent), "-c", str(file), "-g", ALONE.format(file.parent)),
        {"listen 443 ssl;": "listen 127.0.0.1:{chargers} ssl;"},
    ),
    "haproxy": Front(
        "haproxy.cfg",
        "Client-Cert",
        lambda file: ("-db", "-f", str(file)),
        {
            "maxconn 32768": "maxconn 100",
            "bind :443 ssl crt /etc/ssl/ringmain/ocpp.pem": "bind 127.0.0.1:{chargers} ssl crt "
            "{folder}/ocpp.example.com.pem",
            "bind :8443 ssl crt /etc/ssl/ringmain/http.pem": "bind 127.0.0.1:{http} ssl crt "
            "{folder}/ringmain.example.com.pem",
        },
        two_ports=True,
    ),
    "caddy": Front(
        "Caddyfile",
        "Client-Cert",
        lambda file: ("run", "--config", str(file), "--adapter", "caddyfile"),
        {
            f"\n{OCPP} {{\n\ttls {{": "\n{{\n\tadmin off\n\tauto_https off\n}}\n\n"
            f"https://{OCPP}:{{chargers}} {{{{\n\ttls {{folder}}/ocpp.pem {{folder}}/ocpp.key {{{{",
            f"\n{HTTP} {{": f"\nhttps://{HTTP}:{{chargers}} {{{{\n"
            "\ttls {folder}/http.pem {folder}/http.key",
        },
    ),
}
ALONE = "daemon off; pid {}/nginx.pid; error_log stderr;"


def shown_there(folder: Path) -> None:
    """Write what a proxy shows, and whom it trusts."""
    for name, stem in ((OCPP, "ocpp"), (HTTP, "http")):
        issued = certificates.issued(name)
        (folder / f"{stem}.pem").write_text(issued.chain)
        (folder / f"{stem}.key").write_text(issued.key)
        (folder / f"{name}.pem").write_text(issued.key + issued.chain)
    (folder / "chargers-ca.pem").write_text(certificates.authority())


@contextlib.asynccontextmanager
async def running(program: str, front: Front, file: Path, port: int) -> AsyncIterator[None]:
    said = (file.parent / "said").open("wb")
    process = await asyncio.create_subprocess_exec(
        program, *front.command(file), stdout=said, stderr=said, cwd=file.parent
    )
    try:
        async with asyncio.timeout(PATIENCE):
            while not await reached(port):
                assert process.returncode is None, (file.parent / "said").read_text()
                await asyncio.sleep(0.02)  # it tells nobody when it listens
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
        said.close()


async def reached(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


@dataclass(frozen=True)
class Charger:
    """A device that dials a proxy."""

    ground: Ground
    port: int
    tls: ssl.SSLContext

    async def dials(self, name: str, headers: Mapping[str, str]) -> tuple[int, str]:
        """Return the status, and from where it is said to come."""
        try:
            async with connect(
                f"wss://{OCPP}:{self.port}/{self.ground.organization_uuid}/ocpp/{name}",
                host="127.0.0.1",
                subprotocols=[Subprotocol("ocpp1.6")],
                additional_headers=headers,
                ssl=self.tls,
                proxy=None,
                logger=SILENT,
            ) as connection:
                await connection.send(HEARTBEAT)
                await connection.recv()
                (one,) = self.ground.server.registry
                return 101, one.remote_address
        except InvalidStatus as refused:
            return refused.response.status_code, ""


@pytest.mark.sqlite_only("about headers")
@pytest.mark.parametrize("name", FRONTS)
async def test_chargers_come_in_as_who_they_are_and_nobody_else(tmp_path: Path, name: str) -> None:
    program, front = shutil.which(name), FRONTS[name]
    if program is None:
        # Nobody's CI has to have all three.
        assert os.environ.get("CI") != "true" or name == "caddy", name
        pytest.skip(f"{name} not found: deploy/{front.file} is not tried")
    shown_there(tmp_path)
    port, other = free_ports(2)
    ports = (port, other if front.two_ports else port)
    settings = {
        "RINGMAIN_TRUSTED_PROXIES": "127.0.0.1/32",
        "RINGMAIN_PUBLIC_OCPP_URL": f"wss://{OCPP}",
        "RINGMAIN_CLIENT_CERT_HEADER": front.header,
    }
    async with served(tmp_path / "data", settings) as ground:
        await enrol(ground, "CP02", security_profile=2)
        await enrol(ground, "CP03", security_profile=3)
        file = front.configured(ground, tmp_path, ports)
        own = certificates.issued("CP03", of=ground.organization_uuid)
        async with running(program, front, file, port):
            plain = Charger(ground, port, trusting(tmp_path))
            certified = Charger(ground, port, trusting(tmp_path, own))
            password = {"Authorization": basic("CP02", PASSWORD)}
            forged = {
                "X-Forwarded-For": "198.51.100.7",
                "Client-Cert": rfc9440(own.chain),
                "X-SSL-Client-Cert": own.chain.replace("\n", "%0A").replace("+", "%2B"),
                "X-SSL-Client-Verify": "SUCCESS",
            }
            assert await plain.dials("CP02", password) == (101, "127.0.0.1")
            assert await certified.dials("CP03", {}) == (101, "127.0.0.1")
            assert await plain.dials("CP02", {**password, "X-Forwarded-For": "198.51.100.7"}) == (
                101,
                "127.0.0.1",
            )
            assert (await plain.dials("CP03", forged))[0] == 401
            assert await asked(ports[1], tmp_path) == [200, 404]


def trusting(folder: Path, own: certificates.Issued | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=certificates.authority())
    if own is not None:
        (folder / "own.pem").write_text(own.key + own.chain)
        context.load_cert_chain(folder / "own.pem")
    return context


class Here(aiohttp.abc.AbstractResolver):
    """Every name is this machine."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[aiohttp.abc.ResolveResult]:
        return [
            aiohttp.abc.ResolveResult(
                hostname=host, host="127.0.0.1", port=port, family=socket.AF_INET, proto=0, flags=0
            )
        ]

    async def close(self) -> None:
        """Nothing is kept."""


async def asked(port: int, folder: Path) -> list[int]:
    """Ask through the proxy whether the server is there, and for what is not to be had there."""
    connector = aiohttp.TCPConnector(resolver=Here(), ssl=trusting(folder))
    async with aiohttp.ClientSession(f"https://{HTTP}:{port}", connector=connector) as session:
        statuses = []
        for path in ("/readyz", "/metrics"):
            async with session.get(path) as answer:
                statuses.append(answer.status)
    return statuses


@pytest.mark.parametrize("name", ["nginx", "haproxy"])
def test_what_the_page_shows_of_a_file_is_in_it(name: str) -> None:
    (shown,) = [each.text for each in blocks(ROOT / "docs/tls.md") if each.language == name]
    file = {line.strip() for line in (ROOT / "deploy" / FRONTS[name].file).read_text().splitlines()}

    assert [line for line in shown.splitlines() if line.strip() not in file] == []


@pytest.mark.sqlite_only("about a page")
def test_organizations_are_sent_to_their_cells(tmp_path: Path) -> None:
    nginx = shutil.which("nginx")
    if nginx is None:
        pytest.skip("nginx not found: what docs/scaling.md shows is not tried")
    (shown,) = [each.text for each in blocks(ROOT / "docs/scaling.md") if each.language == "nginx"]
    (tmp_path / "nginx.conf").write_text(f"events {{}}\nhttp {{\n{shown}}}\n")
    command = [nginx, "-t", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")]
    said = subprocess.run(command, capture_output=True, text=True, check=False)

    assert said.returncode == 0, said.stderr
