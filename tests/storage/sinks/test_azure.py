"""Azure Blob Storage: against Azurite, and against servers that are no store or not well."""

from __future__ import annotations

import asyncio
import gzip
import logging
import re
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from storage.records import SinkRecord
from storage.sinks import azure
from storage.sinks.azure import blob_service, open_azure
from storage.sinks.errors import SinkError, SinkRefused, SinkUnavailable
from storage.sinks.port import Outside, Sink
from tests.certificates import certificate
from tests.storage.doubles import NOON, ORGANIZATION, PATIENCE
from tests.storage.sinks.strangers import (
    Conduct,
    LoopbackDoor,
    Stranger,
    answer,
    deafness,
    hanging_up,
    meeting,
    saying,
    serving,
    silence,
)
from tests.stores import AzureStore

ACCOUNT = "ringmainlake"
KEY = b64encode(b"canary" * 10 + b"....").decode()
NAME = f"lake/organization={ORGANIZATION}/date=2026-03-01/hour=12/c-1-2.jsonl.gz"
BODY = gzip.compress(b'{"seq": 1}\n', mtime=0)
BIG = bytes(8 << 20)  # more than fits into the buffers between two programs
CREATED = answer("201 Created", 'ETag: "0x1"')


def record(configuration: Mapping[str, Any], account_key: str = KEY) -> SinkRecord:
    return SinkRecord(
        id="c",
        organization_uuid=ORGANIZATION,
        name="lake",
        type="azure_storage",
        configuration=configuration,
        credentials={"account_key": account_key},
        token_key="",
        inserted_at=NOON,
        updated_at=NOON,
    )


def at(url: str, **more: Any) -> dict[str, Any]:
    return {"storage_account": ACCOUNT, "container": "logs", "endpoint_url": url, **more}


@asynccontextmanager
async def opened(
    configuration: Mapping[str, Any], key: str = KEY, **outside: Any
) -> AsyncIterator[Sink]:
    sink = await open_azure(
        record(configuration, key), Outside(**{"door": LoopbackDoor(), **outside})
    )
    try:
        yield sink
    finally:
        await sink.close()


@asynccontextmanager
async def against(conduct: Conduct, **outside: Any) -> AsyncIterator[tuple[Stranger, Sink]]:
    async with meeting(conduct) as stranger, opened(at(stranger.url), **outside) as sink:
        yield stranger, sink


@pytest.fixture
def container(azure_store: AzureStore) -> str:
    return azure_store.new_bucket()


# ---- the URL ----


@pytest.mark.parametrize(
    ("endpoint_url", "url"),
    [
        (None, f"https://{ACCOUNT}.blob.core.windows.net"),
        (
            f"https://{ACCOUNT}.blob.core.chinacloudapi.cn",
            f"https://{ACCOUNT}.blob.core.chinacloudapi.cn",
        ),
        (
            f"https://{ACCOUNT}.z01.blob.storage.azure.net/",
            f"https://{ACCOUNT}.z01.blob.storage.azure.net",
        ),
        ("http://127.0.0.1:10000", f"http://127.0.0.1:10000/{ACCOUNT}"),
        (f"http://127.0.0.1:10000/{ACCOUNT}", f"http://127.0.0.1:10000/{ACCOUNT}"),
        (f"http://127.0.0.1:10000/{ACCOUNT}/", f"http://127.0.0.1:10000/{ACCOUNT}"),
        ("https://stack.example/blob/", f"https://stack.example/blob/{ACCOUNT}"),
        (f"https://{ACCOUNT}x.example.com", f"https://{ACCOUNT}x.example.com/{ACCOUNT}"),
    ],
)
def test_the_account_is_named_once_in_the_url(endpoint_url: str | None, url: str) -> None:
    assert blob_service(ACCOUNT, endpoint_url) == url


# ---- a store ----


@pytest.fixture
async def sink(azure_store: AzureStore, container: str) -> AsyncIterator[Sink]:
    key = azure_store.credentials["account_key"]
    async with opened(azure_store.configuration(container), key) as sink:
        yield sink


async def test_an_object_is_stored_as_it_is(
    azure_store: AzureStore, container: str, sink: Sink
) -> None:
    await sink.put(NAME, BODY)

    assert azure_store.objects(container) == {NAME: BODY}
    assert azure_store.headers(container, NAME) == ("application/gzip", None)


async def test_the_account_may_be_left_out_of_the_url_of_a_stand_in(
    azure_store: AzureStore, container: str
) -> None:
    configuration = azure_store.configuration(container)
    configuration["endpoint_url"] = azure_store.endpoint_url.rpartition("/")[0]

    async with opened(configuration, azure_store.credentials["account_key"]) as sink:
        await sink.put(NAME, BODY)

    assert list(azure_store.objects(container)) == [NAME]


async def test_an_object_is_stored_again_over_the_first(
    azure_store: AzureStore, container: str, sink: Sink
) -> None:
    await sink.put(NAME, b"first")
    await sink.put(NAME, BODY)

    assert azure_store.objects(container) == {NAME: BODY}


async def test_an_object_is_deleted_and_may_be_gone_already(
    azure_store: AzureStore, container: str, sink: Sink
) -> None:
    await sink.put(NAME, BODY)
    await sink.delete(NAME)
    await sink.delete(NAME)

    assert azure_store.objects(container) == {}


async def test_an_object_is_one_request_whatever_its_size() -> None:
    async with against(saying(CREATED)) as (stranger, sink):
        await sink.put(NAME, bytes(65 << 20))  # the library's own limit is 64 MiB

        assert len(stranger.heads) == 1
        assert "x-ms-blob-type: BlockBlob" in stranger.heads[0]


async def test_a_container_that_is_missing_is_named_and_used_once_it_is_there(
    azure_store: AzureStore, container: str, sink: Sink
) -> None:
    azure_store.delete(container)
    with pytest.raises(SinkRefused, match="container does not exist"):
        await sink.put(NAME, BODY)
    with pytest.raises(SinkRefused, match="container does not exist"):
        await sink.delete(NAME)
    other = azure_store.new_bucket()

    async with opened(
        azure_store.configuration(other), azure_store.credentials["account_key"]
    ) as again:
        await again.put(NAME, BODY)

    assert list(azure_store.objects(other)) == [NAME]


async def test_a_wrong_key_is_what_has_to_be_corrected(
    azure_store: AzureStore, container: str
) -> None:
    async with opened(azure_store.configuration(container), KEY) as sink:
        with pytest.raises(SinkRefused, match="account_key"):
            await sink.put(NAME, BODY)
        with pytest.raises(SinkRefused, match="account_key"):
            await sink.delete(NAME)


# ---- half of a request, half of an answer ----


class Wire:
    """A line to a store that passes on so many bytes there, and so many back."""

    def __init__(self, port: int, *, there: int = 1 << 30, back: int = 1 << 30) -> None:
        self.there, self.back, self._port = there, back, port
        self.full = asyncio.Event()

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._port)
        async with asyncio.TaskGroup() as both:
            both.create_task(self._pass(reader, far_writer, self.there))
            both.create_task(self._pass(far_reader, writer, self.back))

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, amount: int
    ) -> None:
        try:
            while amount and (data := await reader.read(min(1 << 16, amount))):
                amount -= len(data)
                writer.write(data)
                await writer.drain()
            if not amount:
                self.full.set()
                while await reader.read(1 << 16):
                    pass
        except ConnectionError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def through(
    store: AzureStore, container: str, **limits: int
) -> AsyncIterator[tuple[Wire, Sink]]:
    host, _, account = store.endpoint_url.rpartition("/")
    wire = Wire(int(host.rpartition(":")[2]), **limits)
    async with serving(wire.meet) as port:
        url = f"http://127.0.0.1:{port}/{account}"
        configuration = {**store.configuration(container), "endpoint_url": url}
        async with opened(configuration, store.credentials["account_key"]) as sink:
            yield wire, sink


async def test_a_put_that_is_cancelled_leaves_nothing_to_be_seen(
    azure_store: AzureStore, container: str
) -> None:
    async with through(azure_store, container, there=1 << 20) as (wire, sink):
        put = asyncio.create_task(sink.put(NAME, BIG))
        await asyncio.wait_for(wire.full.wait(), PATIENCE)
        put.cancel()
        with pytest.raises(asyncio.CancelledError):
            await put

        assert azure_store.objects(container) == {}


async def test_a_lost_answer_is_made_good_by_the_same_put(
    azure_store: AzureStore, container: str, sink: Sink
) -> None:
    async with through(azure_store, container, back=20) as (wire, cut):
        put = asyncio.create_task(cut.put(NAME, BODY))
        await asyncio.wait_for(wire.full.wait(), PATIENCE)
        await cut.close()
        with pytest.raises(SinkUnavailable):
            await put
    assert azure_store.objects(container) == {NAME: BODY}
    await sink.put(NAME, BODY)

    assert azure_store.objects(container) == {NAME: BODY}


# ---- what a store says ----

BUSY, REFUSED = SinkUnavailable, SinkRefused
ERRORS: tuple[tuple[str, str, type[SinkError], str], ...] = (
    ("404 Not Found", "ContainerNotFound", REFUSED, "container does not exist"),
    ("404 Not Found", "", REFUSED, "no object store of this type"),
    ("409 Conflict", "ContainerBeingDeleted", REFUSED, "is being deleted"),
    ("409 Conflict", "ContainerDisabled", REFUSED, "disabled"),
    ("409 Conflict", "BlobImmutableDueToPolicy", REFUSED, "immutability policy"),
    ("409 Conflict", "UnauthorizedBlobOverwrite", REFUSED, "immutability policy"),
    ("409 Conflict", "AccountBeingCreated", REFUSED, "check storage_account"),
    ("403 Forbidden", "AuthenticationFailed", REFUSED, "correct account_key"),
    ("403 Forbidden", "AuthorizationFailure", REFUSED, "network rules"),
    ("403 Forbidden", "AccountIsDisabled", REFUSED, "subscription"),
    ("403 Forbidden", "KeyBasedAuthenticationNotPermitted", REFUSED, "takes no account keys"),
    ("403 Forbidden", "", REFUSED, "correct account_key"),
    ("401 Unauthorized", "NoAuthenticationInformation", REFUSED, "correct account_key"),
    ("401 Unauthorized", "", REFUSED, "correct account_key"),
    ("400 Bad Request", "InvalidAuthenticationInfo", REFUSED, "correct account_key"),
    ("400 Bad Request", "AccountRequiresHttps", REFUSED, "https://"),
    ("400 Bad Request", "InvalidHeaderValue", REFUSED, "update it"),
    ("400 Bad Request", "AnythingElse", REFUSED, "check storage_account"),
    ("408 Request Timeout", "", BUSY, "too busy"),
    ("412 Precondition Failed", "LeaseIdMissing", REFUSED, "check storage_account"),
    ("413 Payload Too Large", "RequestBodyTooLarge", REFUSED, "flush_bytes"),
    ("429 Too Many Requests", "", BUSY, "too busy"),
    ("500 Internal Server Error", "InternalError", BUSY, "too busy"),
    ("500 Internal Server Error", "OperationTimedOut", BUSY, "too busy"),
    ("503 Service Unavailable", "ServerBusy", BUSY, "too busy"),
    ("502 Bad Gateway", "", BUSY, "too busy"),
    ("507 Insufficient Storage", "", BUSY, "too busy"),
    ("200 OK", "", REFUSED, "no object store of this type"),
    ("201 Created", "", REFUSED, "no object store of this type"),
)


@pytest.mark.parametrize(("status", "code", "kind", "words"), ERRORS, ids=str)
async def test_an_error_says_who_has_to_do_what_and_is_not_tried_again_here(
    status: str, code: str, kind: type[SinkError], words: str
) -> None:
    headers = (f"x-ms-error-code: {code}",) if code else ()
    body = f"<Error><Code>{code}</Code><Message>Sesame, {KEY}</Message></Error>".encode()

    async with against(
        saying(answer(status, "Content-Type: application/xml", *headers, body=body))
    ) as (stranger, sink):
        with pytest.raises(SinkError, match=words) as caught:
            await sink.put(NAME, BODY)

        assert caught.type is kind
        assert "Sesame" not in str(caught.value)
        with pytest.raises(kind, match=words):
            await sink.delete(NAME)
        assert len(stranger.heads) == 2


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary Redirect"])
async def test_a_redirect_is_not_followed(status: str) -> None:
    async with meeting(silence) as elsewhere:
        moved = saying(answer(status, f"Location: {elsewhere.url}/{ACCOUNT}/logs/x"))
        async with against(moved) as (_, sink):
            with pytest.raises(SinkRefused, match="sends elsewhere"):
                await sink.put(NAME, BODY)

        assert elsewhere.connections == 0


HTML = "Content-Type: text/html"
GARBAGE = {
    "no HTTP": b"220 mail.example.com ESMTP\r\n",
    "noise": bytes(range(256)) * 20,
    "a web page": answer("200 OK", HTML, body=b"<html>Welcome"),
    "a page that is missing": answer("404 Not Found", HTML, body=b"<html>Sorry"),
    "yes to everything": answer("201 Created"),
    "no date": answer("201 Created", "Last-Modified: yesterday", 'ETag: "1"'),
    "no checksum": answer("201 Created", "Content-MD5: \xe9", 'ETag: "1"'),
    "no size": b"HTTP/1.1 201 Created\r\nContent-Length: many\r\n\r\n",
    "endless": b"HTTP/1.1 201 Created\r\n\r\n" + b"x" * (2 << 20),
    "an endless head": b"HTTP/1.1 201 Created\r\nETag: " + b"x" * (1 << 20),
    "teapot": answer("418 I'm a teapot", "Content-Type: application/\xff", body=b"\xff\xfe"),
}


@pytest.mark.parametrize("said", GARBAGE.values(), ids=GARBAGE)
async def test_what_is_no_store_is_refused(said: bytes) -> None:
    async with against(saying(said)) as (_, sink):
        with pytest.raises(SinkRefused):
            await sink.put(NAME, BODY)


UNREAD = {
    "packed": answer("503 Busy", "Content-Encoding: gzip", HTML, body=b"no gzip"),
    "entities": answer("503 Busy", "Content-Type: application/xml", body=b"<!DOCTYPE x [<!ENTITY"),
    "another type": answer("503 Busy", "Content-Type: audio/ogg", body=b"OggS"),
    "another charset": answer("503 Busy", "Content-Type: text/xml; charset=zlib", body=b"\xff"),
    "broken JSON": answer("503 Busy", "Content-Type: application/json", body=b"{"),
}


@pytest.mark.parametrize("said", UNREAD.values(), ids=UNREAD)
async def test_nothing_that_a_body_holds_hides_what_the_status_says(said: bytes) -> None:
    async with against(saying(said)) as (_, sink):
        with pytest.raises(SinkUnavailable, match="too busy"):
            await sink.put(NAME, BODY)


# ---- what becomes of a connection ----


async def test_a_store_that_hangs_up_is_not_available() -> None:
    async with against(hanging_up) as (_, sink):
        with pytest.raises(SinkUnavailable):
            await sink.put(NAME, BODY)


async def test_a_connection_that_was_closed_meanwhile_is_made_anew() -> None:
    lasting = CREATED.replace(b"Connection: close", b"Connection: keep-alive")
    async with against(saying(lasting)) as (stranger, sink):
        await sink.put(NAME, BODY)
        await sink.put(NAME, BODY)

        assert stranger.connections == 2


async def test_a_refused_port_is_not_available() -> None:
    async with meeting(silence) as stranger:
        url = stranger.url
    async with opened(at(url)) as sink:
        with pytest.raises(SinkUnavailable, match="refused"):
            await sink.put(NAME, BODY)


async def test_a_silent_store_is_given_up_in_time() -> None:
    async with against(silence, read_timeout=0.2) as (_, sink):
        with pytest.raises(SinkUnavailable, match="in time"):
            await sink.put(NAME, BODY)


async def test_an_upload_has_a_deadline_as_a_whole() -> None:
    async with against(deafness, put_timeout=0.2) as (_, sink):
        with pytest.raises(SinkUnavailable, match=r"within 0\.2 s"):
            await sink.put(NAME, BIG)


async def test_closing_gives_up_what_is_under_way() -> None:
    async with against(silence) as (stranger, sink):
        put = asyncio.create_task(sink.put(NAME, BODY))
        await asyncio.wait_for(stranger.asked.wait(), PATIENCE)
        await sink.close()

        with pytest.raises(SinkError):
            await put
        await asyncio.wait_for(stranger.left.wait(), PATIENCE)


@pytest.mark.sqlite_only("nothing is stored in a database")
async def test_a_certificate_of_nobody_is_not_trusted(tmp_path: Path) -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate(tmp_path, "localhost"))

    async with meeting(silence, tls) as stranger:
        async with opened(at(f"https://localhost:{stranger.port}")) as sink:
            with pytest.raises(SinkRefused, match="certificate"):
                await sink.put(NAME, BODY)

        assert stranger.heads == []


# ---- where it goes ----


@pytest.mark.parametrize(
    ("configuration", "key"),
    [
        (at("http://127.0.0.1:9", storage_account="127.0.0.1/?"), KEY),
        (at("http://127.0.0.1:9", container="../logs"), KEY),
        (at("http://127.0.0.1:9", container=None), KEY),
        (at("http://127.0.0.1:9"), "no base64"),
    ],
)
async def test_what_is_no_name_or_no_key_is_not_opened(
    configuration: Mapping[str, Any], key: str
) -> None:
    with pytest.raises(SinkRefused):
        await open_azure(record(configuration, key), Outside(LoopbackDoor()))


async def test_a_closed_url_is_not_opened() -> None:
    with pytest.raises(SinkRefused, match="closed"):
        await open_azure(record(at("http://127.0.0.1:9")), Outside(LoopbackDoor("127.0.0.1")))


async def test_a_name_is_looked_up_by_the_door_alone_and_stays_in_the_request() -> None:
    host = f"{ACCOUNT}.blob.core.example"
    door = LoopbackDoor()
    async with meeting(saying(CREATED)) as stranger:
        async with opened(at(f"http://{host}:{stranger.port}"), door=door) as sink:
            await sink.put(NAME, BODY)

        assert host in door.resolved
        assert f"Host: {host}:{stranger.port}" in stranger.heads[0]
        assert stranger.heads[0].startswith("PUT /logs/lake/organization")


async def test_a_host_that_the_door_refuses_is_not_connected_to() -> None:
    async with meeting(silence) as stranger:
        configuration = at(f"http://localhost:{stranger.port}")
        async with opened(configuration, door=LoopbackDoor(leads_nowhere=True)) as sink:
            with pytest.raises(SinkRefused, match="closed"):
                await sink.put(NAME, BODY)

        assert stranger.connections == 0


async def test_nothing_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    async with meeting(silence) as proxy, meeting(saying(CREATED)) as stranger:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.setenv("AZURE_HTTP_USER_AGENT", "ambient")
        monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", f"BlobEndpoint={proxy.url}")
        async with opened(at(stranger.url)) as sink:
            await sink.put(NAME, BODY)

        assert proxy.connections == 0
        assert "ambient" not in stranger.heads[0]


# ---- secrets ----


@pytest.mark.parametrize(
    "said", [CREATED, answer("403 Forbidden", body=KEY.encode()), b"noise " + KEY.encode()]
)
async def test_neither_the_key_nor_a_signature_is_told(
    said: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    told = ""
    async with against(saying(said)) as (stranger, sink):
        try:
            await sink.put(NAME, BODY)
        except SinkError as fault:
            told = str(fault)
        signature = stranger.heads[0].partition("Authorization: ")[2].partition("\r\n")[0]

    assert signature.startswith(f"SharedKey {ACCOUNT}:")
    everything = told + caplog.text + repr(sink)
    assert KEY not in everything
    assert signature.rpartition(":")[2] not in everything
    assert not [each for each in caplog.records if each.name.startswith("azure")]


DOCUMENT = Path(__file__).parents[3] / "docs/connectors.md"


def test_the_document_explains_every_sentence() -> None:
    section = DOCUMENT.read_text().partition("## Azure Blob Storage")[2].partition("\n## ")[0]
    explained = tuple(re.findall(r"^\| (The .+?|What .+?) …", section, re.MULTILINE))
    sayings = [*azure._BY_CODE.values(), *(said for *_, said in azure._BY_STATUS)]

    assert explained
    assert [str(said()) for said in sayings if not str(said()).startswith(explained)] == []
