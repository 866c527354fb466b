from __future__ import annotations

import asyncio
import base64
import contextlib
import gc
import socket
import ssl
import time
import tracemalloc
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography import x509
from structlog.testing import capture_logs
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from csms import frames
from csms.admission import Admission, records_of
from csms.attempts import AttemptLimits, Attempts
from csms.books import open_books
from csms.commands import Reset
from csms.errors import ChargerOffline, LinkClosed
from csms.frames import Call, Reply, Send
from csms.gateway import Door, Gateway
from csms.link import TRY_AGAIN_LATER
from csms.ports import Answer
from csms.registry import Connection, Registry
from csms.rotation import new_rotation
from csms.security_events import SecurityEvents
from csms.settings import Bind
from csms.signing_rules import facts
from storage.clock import SystemClock
from storage.errors import StorageUnavailable
from storage.records import Charger, ChargerKey, Organization
from storage.repositories.rows import columns
from storage.secrets import digest_secret
from storage.security_records import ChargerCertificate
from storage.statements import organizations as statements
from storage.store import Storage, open_storage
from storage.tenancy import EVERYBODY, acting_for
from tests import certificates
from tests.doubles import PATIENCE, until
from tests.hostile import BROKEN_ANSWERS, HOSTILE_CALLS, ORGANIZATION, WRONG_PATHS
from tests.storage.doubles import empty_disk, fill_disk

KEY = ChargerKey(ORGANIZATION, "CP01")
PATH = f"/{ORGANIZATION}/ocpp/CP01"
PASSWORD = b"correct-horse-2048-a"
# What a test does in a second takes a stranger days.
NO_LIMITS = AttemptLimits(free=1000, burst=1000)
HEARTBEAT = '[2,"beat","Heartbeat",{}]'


class Native:
    """Serve every charger by its station alone."""

    async def attach(self, connection: Connection) -> Answer:
        """Return the station's own answers."""
        return connection.station.answer

    async def detach(self, connection: Connection) -> None:
        """Hold nothing, so let go of nothing."""


def basic(user: bytes = b"CP01", password: bytes = PASSWORD) -> str:
    return "Basic " + base64.b64encode(user + b":" + password).decode()


@dataclass(frozen=True)
class House:
    """A listening gateway and what it works with."""

    bind: Bind
    registry: Registry
    storage: Storage

    async def enrol(
        self, key: ChargerKey = KEY, password: bytes = PASSWORD, versions: tuple[str, ...] = ()
    ) -> None:
        charger = Charger(
            key=key,
            charger_name=key.charge_box_id,
            password_digest=digest_secret(password),
            allowed_versions=versions,
            created_at=SystemClock().now(),
        )
        await self.storage.chargers.enroll(charger, None)

    @contextlib.asynccontextmanager
    async def dial(
        self,
        path: str = PATH,
        authorization: Sequence[str] = (basic(),),
        offered: Sequence[str] = ("ocpp1.6",),
        **headers: str,
    ) -> AsyncIterator[ClientConnection]:
        """Connect as a charger does."""
        wanted = [("Authorization", value) for value in authorization]
        wanted += [(name.replace("_", "-"), value) for name, value in headers.items()]
        async with connect(
            f"ws://{self.bind}{path}",
            subprotocols=[Subprotocol(name) for name in offered] or None,
            additional_headers=wanted,
            compression=None,
            proxy=None,
            close_timeout=0.1,
            max_size=None,
        ) as client:
            yield client

    async def knock(self, request: str) -> bytes:
        """Send a handshake by hand and return the whole answer to it."""
        reader, writer = await asyncio.open_connection(self.bind.host, self.bind.port)
        writer.write(request.encode("iso-8859-1"))
        answer = b""
        async with asyncio.timeout(PATIENCE):
            while chunk := await reader.read(65_536):
                answer += chunk
                if answer.startswith(b"HTTP/1.1 101"):
                    break
        writer.close()
        return answer

    def connected(self) -> Connection:
        """Return the live connection of CP01."""
        connection = self.registry.find(KEY)
        assert connection is not None
        return connection


@contextlib.asynccontextmanager
async def house(
    data_dir: Path, relaying: Native | None = None, **door: Any
) -> AsyncIterator[House]:
    """Open the gateway on a real database; CP01 is enrolled."""
    registry, clock = Registry(), SystemClock()
    async with open_storage(data_dir, clock, lambda: ORGANIZATION) as storage:
        events = SecurityEvents(storage.audit, clock)
        attempts = Attempts(time.monotonic, NO_LIMITS)
        gateway = Gateway(
            Door(Bind("127.0.0.1", 0), **door),
            registry=registry,
            books=open_books(storage, clock),
            journal=storage.journal,
            relaying=relaying or Native(),
            events=events,
            admission=Admission(records_of(storage), attempts, events, clock),
        )
        await storage.organizations.create("Tests")
        async with gateway.listening() as bind:
            house = House(bind, registry, storage)
            await house.enrol()
            yield house


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path) as home:
        yield home


def handshake(path: str = PATH, *headers: str) -> str:
    """Write the request of a WebSocket handshake."""
    fixed = (
        f"GET {path} HTTP/1.1",
        "Host: localhost",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        "Sec-WebSocket-Protocol: ocpp1.6",
    )
    return "\r\n".join([*fixed, *headers, "", ""])


def undated(answer: bytes) -> bytes:
    """Leave out the one header that differs from second to second."""
    return b"\r\n".join(line for line in answer.split(b"\r\n") if not line.startswith(b"Date:"))


async def hears(client: ClientConnection) -> Any:
    async with asyncio.timeout(PATIENCE):
        return orjson.loads(await client.recv())


async def beats(client: ClientConnection) -> bool:
    """Tell whether a Heartbeat is answered."""
    await client.send(HEARTBEAT)
    heard = await hears(client)
    return bool(heard[:2] == [3, "beat"])


async def obeys(client: ClientConnection) -> None:
    """Accept the next command."""
    command = await hears(client)
    await client.send(frames.call_result(command[1], b'{"status":"Accepted"}').text, text=True)


async def close_of(client: ClientConnection) -> tuple[int | None, str | None]:
    """Wait for the end and tell how it was closed."""
    async with asyncio.timeout(PATIENCE):
        await client.wait_closed()
    return client.close_code, client.close_reason


# ---- who gets in (S-01, S-03) ----


@pytest.mark.parametrize("door", ["ocpp", "ocpp_proxy"])
async def test_charger_with_its_password_is_served(home: House, door: str) -> None:
    async with home.dial(f"/{ORGANIZATION}/{door}/CP01") as client:
        assert client.subprotocol == "ocpp1.6"
        assert await beats(client)
        assert home.connected().subprotocol == "ocpp1.6"


async def test_id_in_the_path_is_percent_decoded_once(home: House) -> None:
    await home.enrol(ChargerKey(ORGANIZATION, "CP 01|a"))
    authorization = basic(b"CP 01|a")

    async with home.dial(f"/{ORGANIZATION}/ocpp/CP%2001%7Ca", [authorization]) as client:
        assert await beats(client)


@pytest.mark.parametrize("path", [path for path in WRONG_PATHS if path])
async def test_only_the_canonical_path_leads_to_a_charger(home: House, path: str) -> None:
    answer = await home.knock(handshake(path, f"Authorization: {basic()}"))

    # Where the request itself is broken there is no answer at all.
    assert answer == b"" or answer.split()[1] in (b"400", b"401")
    assert len(home.registry) == 0


WRONG_HEADERS = {
    "no header": [],
    "wrong password": [basic(password=b"wrong")],
    "no password": [basic(password=b"")],
    "password in another case": [basic(password=PASSWORD.upper())],
    "password with a tail": [basic(password=PASSWORD + b"x")],
    "another user": [basic(b"CP02")],
    "user in another case": [basic(b"cp01")],
    "two headers": [basic(), basic()],
    "a token": ["Bearer " + basic().removeprefix("Basic ")],
    "not base64": ["Basic !!!"],
}


@pytest.mark.parametrize("name", WRONG_HEADERS)
async def test_cwe_306_cve_2026_20781_24731_27772_26051_22552_no_entry_without_the_password(
    home: House, name: str
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with home.dial(authorization=WRONG_HEADERS[name]):
            pass

    assert refused.value.response.status_code == 401
    assert len(home.registry) == 0


async def test_cwe_522_known_and_unknown_chargers_are_refused_with_the_same_bytes(
    home: House,
) -> None:
    wrong = basic(password=b"wrong")
    unknown = f"/{ORGANIZATION}/ocpp/CP99"
    foreign = "/00000000-0000-0000-0000-000000000000/ocpp/CP01"
    requests = [handshake(PATH, f"Authorization: {line}") for line in (wrong, "Bearer x")]
    requests += [handshake(path, f"Authorization: {wrong}") for path in (PATH, unknown, foreign)]
    requests += [handshake(path) for path in (PATH, unknown, foreign, "/nonsense")]
    requests += [handshake(unknown, f"Authorization: {basic(b'CP99')}")]

    answers = {undated(await home.knock(request)) for request in requests}

    assert len(answers) == 1
    (answer,) = answers
    assert answer.startswith(b"HTTP/1.1 401 Unauthorized\r\n")
    assert b'WWW-Authenticate: Basic realm="ocpp", charset="UTF-8"' in answer
    assert b"Server:" not in answer
    assert b"CP" not in answer


async def test_password_of_twenty_bytes_that_are_no_text_with_colons(home: House) -> None:
    password = b"\xff\x00:\x80:" + bytes(range(240, 255))
    await home.enrol(ChargerKey(ORGANIZATION, "CP20"), password)

    path = f"/{ORGANIZATION}/ocpp/CP20"
    async with home.dial(path, [basic(b"CP20", password)]) as client:
        assert await beats(client)
    with pytest.raises(InvalidStatus):
        async with home.dial(path, [basic(b"CP20", password[:-1])]):
            pass


async def test_unknown_charger_may_be_told_404_for_conformance_runs(tmp_path: Path) -> None:
    async with house(tmp_path, unknown_charger_status=404) as home:
        unknown = await home.knock(handshake(f"/{ORGANIZATION}/ocpp/CP99"))
        known = await home.knock(handshake(PATH))

    assert unknown.startswith(b"HTTP/1.1 404 ")
    assert b"WWW-Authenticate" not in unknown
    assert known.startswith(b"HTTP/1.1 401 ")


async def test_database_that_is_down_is_503_and_not_401(home: House) -> None:
    await home.storage.database.close()

    answer = await home.knock(handshake(PATH, f"Authorization: {basic()}"))

    assert answer.startswith(b"HTTP/1.1 503 ")


async def test_handshake_that_drags_on_is_cut_off(tmp_path: Path) -> None:
    async with house(tmp_path, open_seconds=0.1) as home:
        reader, writer = await asyncio.open_connection(home.bind.host, home.bind.port)
        writer.write(b"GET /slow")
        async with asyncio.timeout(PATIENCE):
            assert await reader.read() == b""
        writer.close()


async def test_tls_that_drags_on_is_cut_off(tmp_path: Path) -> None:
    tls = certificates.server_side(certificates.certificate(tmp_path, "localhost"))
    async with house(tmp_path, open_seconds=0.1, tls=tls) as home:
        reader, writer = await asyncio.open_connection(home.bind.host, home.bind.port)
        writer.write(b"\x16\x03\x01")  # the beginning of a ClientHello
        async with asyncio.timeout(PATIENCE):
            assert await reader.read() == b""
        writer.close()


# ---- subprotocol ----


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (["ocpp1.6"], "ocpp1.6"),
        (["ocpp2.0.1"], "ocpp2.0.1"),
        (["ocpp2.1", "ocpp2.0.1"], "ocpp2.1"),
        (["ocpp2.0.1", "ocpp2.1"], "ocpp2.0.1"),
        (["ocpp2.0.1", "ocpp1.6"], "ocpp2.0.1"),
        (["ocpp1.6", "ocpp2.0.1"], "ocpp1.6"),
        (["ocpp1.5", "soap", "ocpp2.0.1", "ocpp1.6"], "ocpp2.0.1"),
    ],
)
async def test_first_of_the_charger_s_subprotocols_that_we_speak(
    home: House, offered: list[str], chosen: str
) -> None:
    async with home.dial(offered=offered) as client:
        assert client.subprotocol == chosen
        assert await beats(client)


async def test_subprotocol_must_be_allowed_for_the_charger(home: House) -> None:
    key = ChargerKey(ORGANIZATION, "CP02")
    await home.enrol(key, versions=("ocpp2.0.1",))

    path = f"/{ORGANIZATION}/ocpp/CP02"
    async with home.dial(path, [basic(b"CP02")], ["ocpp1.6", "ocpp2.0.1"]) as client:
        assert client.subprotocol == "ocpp2.0.1"


@pytest.mark.parametrize("offered", [[], ["ocpp1.5"], ["OCPP1.6"], ["ocpp1.6x"]])
async def test_without_a_common_subprotocol_the_handshake_is_completed_and_then_closed(
    home: House, offered: list[str]
) -> None:
    async with home.dial(offered=offered) as client:
        assert client.subprotocol is None
        assert (await close_of(client))[0] == 1002
    assert home.registry.find(KEY) is None


# ---- takeover (S-04, F-14) ----


async def test_newcomer_wins_and_the_old_socket_is_closed_with_1008(home: House) -> None:
    async with home.dial() as old, home.dial() as new:
        assert await beats(new)
        assert (await close_of(old))[0] == 1008

        command = asyncio.create_task(home.registry.perform(KEY, Reset()))
        await obeys(new)
        assert (await command).status == "Accepted"


async def test_close_of_the_old_socket_does_not_unregister_the_new_one(home: House) -> None:
    async with home.dial() as old:
        await until(lambda: home.registry.find(KEY))
        first = home.connected()
        async with home.dial() as new:
            await close_of(old)
            await until(lambda: first.link.closed)
            assert await beats(new)

            assert home.connected().generation > first.generation
            await home.storage.group.flush()
            charger = await home.storage.chargers.get(KEY)
            assert charger is not None
            assert charger.last_disconnect is None


async def test_command_that_waits_for_the_old_socket_fails_at_once(home: House) -> None:
    async with home.dial() as old:
        await until(lambda: home.registry.find(KEY))
        command = asyncio.create_task(home.registry.perform(KEY, Reset()))
        await hears(old)
        async with home.dial(), asyncio.timeout(PATIENCE):
            with pytest.raises(LinkClosed, match="1008"):
                await command


async def test_cwe_613_cve_2026_24912_who_has_no_password_never_disturbs(home: House) -> None:
    async with home.dial() as client:
        assert await beats(client)
        generation = home.connected().generation
        for _ in range(20):
            with pytest.raises(InvalidStatus):
                async with home.dial(authorization=[basic(password=b"guess")]):
                    pass

        assert await beats(client)
        assert home.connected().generation == generation


async def test_cve_2026_24912_half_open_old_socket_does_not_keep_the_new_one_waiting(
    home: House,
) -> None:
    loop = asyncio.get_running_loop()
    with socket.create_connection((home.bind.host, home.bind.port)) as dead:
        dead.sendall(handshake(PATH, f"Authorization: {basic()}").encode())
        await until(lambda: home.registry.find(KEY))  # and from here on it is never read
        old = home.connected()

        begun = loop.time()
        async with home.dial() as new:
            command = asyncio.create_task(home.registry.perform(KEY, Reset()))
            await obeys(new)
            assert (await command).status == "Accepted"
            took = loop.time() - begun

        assert took < 1
        assert old.link.closed is not None
        assert old.link.closed.code == 1008


async def test_reconnecting_a_hundred_times_leaves_the_last_one(home: House) -> None:
    async with contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(home.dial()) for _ in range(100)]

        assert await beats(clients[-1])
        closes = await asyncio.gather(*(close_of(client) for client in clients[:-1]))
        assert {code for code, _ in closes} == {1008}
        assert len(home.registry) == 1


async def test_same_id_in_another_organization_is_another_charger(home: House) -> None:
    other = "00000000-0000-4000-8000-000000000000"
    others = Organization(organization_uuid=other, name="Others", created_at=SystemClock().now())
    await home.storage.database.execute(statements.add_organization, columns(others))
    await home.enrol(ChargerKey(other, "CP01"))
    async with home.dial() as ours, home.dial(f"/{other}/ocpp/CP01") as theirs:
        assert await beats(ours)
        assert await beats(theirs)
        assert len(home.registry) == 2


async def test_charger_that_has_gone_is_offline(home: House) -> None:
    async with home.dial() as client:
        assert await beats(client)
    await until(lambda: len(home.registry) == 0)

    with pytest.raises(ChargerOffline):
        await home.registry.perform(KEY, Reset())
    await home.storage.group.flush()
    charger = await home.storage.chargers.get(KEY)
    assert charger is not None
    assert charger.last_disconnect is not None
    assert charger.ocpp_version == "1.6"


# ---- a hostile charger ----


@pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
async def test_charger_is_served_after_every_hostile_frame(home: House, version: str) -> None:
    async with home.dial(offered=[f"ocpp{version}"]) as client:
        for name, (text, id, codes) in HOSTILE_CALLS.items():
            await client.send(text, text=name != "UTF-16" or None)
            heard = await hears(client)

            assert heard[:3] == [4, id, codes[version]], name
            assert await beats(client), name


async def test_charger_is_served_after_every_broken_answer(home: House) -> None:
    async with home.dial() as client:
        for text in BROKEN_ANSWERS.values():
            await client.send(text, text=True)
            assert await beats(client)


async def test_frame_over_the_cap_is_answered_and_not_cut_off_with_1009(tmp_path: Path) -> None:
    limits = frames.Limits(max_bytes=5_000)
    async with house(tmp_path, limits=limits) as home, home.dial() as client:
        await client.send('[2,"id-1","DataTransfer",{"data":"' + "x" * 5_000 + '"}]')
        assert (await hears(client))[:3] == [4, "id-1", "FormationViolation"]
        assert await beats(client)

        await client.send("x" * 10_001)  # a frame of more than twice the cap is not even read
        assert (await close_of(client))[0] == 1009


async def test_text_in_fragments_of_one_character_is_one_text(home: House) -> None:
    async with home.dial() as client:
        await client.send(list(HEARTBEAT))

        assert (await hears(client))[:2] == [3, "beat"]


async def test_stop_that_is_cut_at_any_byte_is_stored_whole_or_not_at_all(home: House) -> None:
    stop = frames.call("id-1", "StopTransaction", b'{"transactionId":7,"meterStop":1}').text
    sent = bytes([0x81, 0x80 | len(stop), 0, 0, 0, 0]) + stop  # one frame, masked with zeros
    for length in range(len(sent)):
        reader, writer = await asyncio.open_connection(home.bind.host, home.bind.port)
        writer.write(handshake(PATH, f"Authorization: {basic()}").encode())
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
        writer.write(sent[:length])
        writer.close()
    async with home.dial() as client:
        await client.send(stop, text=True)
        assert (await hears(client))[:2] == [3, "id-1"]

    await home.storage.journal.flush()
    assert [each.call.frame for each in await home.storage.journal.exchanges(KEY)] == [stop]


# ---- behind a proxy ----


async def test_forwarded_address_is_believed_from_trusted_proxies_only(tmp_path: Path) -> None:
    forged = {"X_Forwarded_For": "192.0.2.1, 198.51.100.7"}
    async with house(tmp_path / "a") as home, home.dial(**forged) as client:
        assert await beats(client)
        assert home.connected().remote_address == "127.0.0.1"

    trusted = (ip_network("127.0.0.0/8"),)
    async with (
        house(tmp_path / "b", trusted_proxies=trusted) as home,
        home.dial(**forged) as client,
    ):
        assert await beats(client)
        assert home.connected().remote_address == "198.51.100.7"


# ---- the life of a link ----


async def test_what_is_answered_is_in_the_journal(home: House) -> None:
    async with home.dial() as client:
        assert await beats(client)

        (exchange,) = await home.storage.journal.exchanges(KEY)
        assert exchange.call.frame == HEARTBEAT.encode()
        assert exchange.answer is not None


async def test_what_a_full_disk_cannot_keep_is_not_answered(home: House) -> None:
    full = '[2,"id-1","StopTransaction",{"data":"' + "x" * 100_000 + '"}]'
    async with home.dial() as client:
        assert await beats(client)
        await fill_disk(home.storage.database)
        await client.send(full)
        with pytest.raises(ConnectionClosed):
            await hears(client)
        assert (await close_of(client))[0] == 1011

    await empty_disk(home.storage.database)
    await home.storage.group.back()
    async with home.dial() as client:
        await client.send(full)
        assert (await hears(client))[1] == "id-1"


async def test_shutdown_says_goodbye_with_1012(tmp_path: Path) -> None:
    async with contextlib.AsyncExitStack() as stack:
        async with house(tmp_path) as home:
            client = await stack.enter_async_context(home.dial())
            assert await beats(client)
            command = asyncio.create_task(home.registry.perform(KEY, Reset()))
            await hears(client)

        assert await close_of(client) == (1012, "restarting")
        assert len(home.registry) == 0
        with pytest.raises(LinkClosed, match="1012"):
            await command


async def test_a_charger_that_is_not_let_in_is_told_to_try_again_later(tmp_path: Path) -> None:
    class Full(Native):
        async def attach(self, connection: Connection) -> Answer:
            connection.link.hang_up(TRY_AGAIN_LATER, "the target is not available")
            return connection.station.answer

    async with house(tmp_path, Full()) as home, home.dial() as client:
        await client.send(HEARTBEAT)

        assert await close_of(client) == (1013, "the target is not available")
        await until(lambda: home.registry.find(KEY) is None)
        await home.storage.journal.flush()
        assert await home.storage.journal.exchanges(KEY) == []


async def test_a_charger_that_is_deleted_while_it_comes_in_is_not_served(tmp_path: Path) -> None:
    class Meanwhile(Native):
        async def attach(self, connection: Connection) -> Answer:
            assert await inside.storage.chargers.delete(KEY)
            return connection.station.answer

    async with house(tmp_path, Meanwhile()) as inside, inside.dial() as client:
        assert await close_of(client) == (1008, "not let in any more")


async def test_a_charger_whose_password_is_replaced_while_it_comes_in_is_not_served(
    tmp_path: Path,
) -> None:
    class Meanwhile(Native):
        async def attach(self, connection: Connection) -> Answer:
            new = digest_secret(b"another-password-y20")
            assert await inside.storage.chargers.update(KEY, password_digest=new)
            return connection.station.answer

    async with house(tmp_path, Meanwhile()) as inside, inside.dial() as client:
        assert await close_of(client) == (1008, "not let in any more")


async def test_a_charger_that_is_enrolled_anew_while_it_comes_in_is_not_served(
    tmp_path: Path,
) -> None:
    class Meanwhile(Native):
        async def attach(self, connection: Connection) -> Answer:
            assert await inside.storage.chargers.delete(KEY)
            await inside.enrol(password=b"another-password-y20")
            return connection.station.answer

    async with house(tmp_path, Meanwhile()) as inside, inside.dial() as client:
        assert await close_of(client) == (1008, "not let in any more")


async def test_a_charger_that_comes_in_with_its_new_password_stays(home: House) -> None:
    new, now = b"another-password-y20", SystemClock().now()
    await home.storage.password_rotations.begin(new_rotation(KEY, "1", new, "key:1", now))

    async with home.dial(authorization=[basic(password=new)]) as client:
        assert await beats(client)
        assert await beats(client)


async def test_a_charger_whose_certificate_is_revoked_while_it_comes_in_is_not_served(
    tmp_path: Path,
) -> None:
    der = ssl.PEM_cert_to_DER_cert(certificates.issued("CP01").chain)

    class Meanwhile(Native):
        async def attach(self, connection: Connection) -> Answer:
            assert connection.certificate_sha256 == pinned.sha256
            stored = inside.storage.charger_certificates
            assert await stored.revoke(KEY, pinned.sha256, SystemClock().now())
            return connection.station.answer

    found, now = facts(x509.load_der_x509_certificate(der)), SystemClock().now()
    pinned = ChargerCertificate(key=KEY, source="pinned", created_at=now, **asdict(found))
    said = f":{base64.b64encode(der).decode()}:"
    trusted = (ip_network("127.0.0.0/8"),)
    behind = {"trusted_proxies": trusted, "client_cert_header": "client-cert"}
    async with house(tmp_path, Meanwhile(), **behind) as inside:
        await inside.storage.chargers.update(KEY, security_profile=3)
        await inside.storage.charger_certificates.add(pinned)
        async with inside.dial(X_Forwarded_Proto="https", Client_Cert=said) as client:
            assert await close_of(client) == (1008, "not let in any more")


async def test_storage_is_asked_on_behalf_of_the_charger_s_organization(tmp_path: Path) -> None:
    asked: list[str] = []

    class Asking(Native):
        async def attach(self, connection: Connection) -> Answer:
            async def answer(call: Call | Send, position: int) -> Reply:
                asked.append(acting_for())
                return await connection.station.answer(call, position)

            return answer

    async with house(tmp_path, Asking()) as home, home.dial() as client:
        await client.send(HEARTBEAT)
        await hears(client)

    assert asked == [ORGANIZATION]
    assert acting_for() == EVERYBODY


async def test_charger_that_cannot_be_served_is_sent_away_and_logged(tmp_path: Path) -> None:
    class Broken(Native):
        async def attach(self, connection: Connection) -> Answer:
            raise StorageUnavailable

    with capture_logs() as logged:
        async with house(tmp_path, Broken()) as home, home.dial() as client:
            assert (await close_of(client))[0] == 1011
            await until(lambda: len(home.registry) == 0)

    faults = [line for line in logged if line["event"] == "charger_not_served"]
    assert [line["fault"].split()[0] for line in faults] == ["StorageUnavailable"]


async def test_no_secret_is_ever_logged(home: House, caplog: pytest.LogCaptureFixture) -> None:
    canary = b"canary-4711-password"
    secrets = [canary.decode(), canary.hex(), basic(password=canary).removeprefix("Basic ")]
    await home.enrol(ChargerKey(ORGANIZATION, "CP02"), canary)
    caplog.set_level("DEBUG")

    with capture_logs() as logged:
        for authorization in (basic(password=canary), basic(b"CP02", canary), canary.decode()):
            with pytest.raises(InvalidStatus):
                async with home.dial(authorization=[authorization]):
                    pass
        async with home.dial(f"/{ORGANIZATION}/ocpp/CP02", [basic(b"CP02", canary)]) as client:
            await client.send(f'[2,"1","DataTransfer",{{"vendorId":"{canary.decode()}"}}]')
            await hears(client)
            await client.send(f'[2,"2","Authorize",{{"idTag":["{canary.decode()}"]}}]')
            await hears(client)
            await client.send(f'[2,"3","{canary.decode()}",{{}}]')
            await hears(client)

    ours = [line.getMessage() for line in caplog.records if line.name != "websockets.client"]
    printed = f"{logged} {ours}"
    assert "charger_refused" in printed
    assert [secret for secret in secrets if secret in printed] == []


async def test_what_a_link_has_read_is_let_go_of_when_it_ends(tmp_path: Path) -> None:
    """Nothing large waits for the garbage collector, which rarely comes (a frame may be 1 MiB)."""
    values = b"[" + b"0," * 200_000 + b"0]"
    frames = [
        b'[2,"1","DataTransfer",{"vendorId":"a","data":%s}]' % values,  # too many values
        b'[2,"1","DataTransfer",{"vendorId":"a","data":[%s]}]' % (b'"x",' * 100 + b"0"),
    ]
    async with house(tmp_path) as home:
        gc.collect()
        gc.disable()
        tracemalloc.start()
        try:
            for frame in frames:
                for _ in range(3):
                    async with home.dial() as client:
                        await client.send(frame, text=True)
                        await client.recv()
                        client.transport.abort()
                    await until(lambda: len(home.registry) == 0)
            kept = tracemalloc.take_snapshot().statistics("traceback")
        finally:
            tracemalloc.stop()
            gc.enable()

    assert [str(one) for one in kept if one.size / one.count > 200_000] == []
