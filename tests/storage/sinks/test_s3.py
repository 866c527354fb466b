"""AWS S3 and Spaces: against moto, and against servers that are no store or not well."""

from __future__ import annotations

import asyncio
import gzip
import logging
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import Loader

from storage.records import SinkRecord
from storage.sinks import s3
from storage.sinks.errors import SinkError, SinkRefused, SinkUnavailable
from storage.sinks.port import Outside, Sink
from storage.sinks.s3 import open_s3
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
    silence,
)
from tests.store_keeper import DOCUMENTED_BUCKET
from tests.stores import S3Store

CREDENTIALS = {"access_key_id": "AKIACANARYID", "secret_access_key": "CANARYsecretCANARY"}
NAME = f"lake/organization={ORGANIZATION}/date=2026-03-01/hour=12/c-1-2.jsonl.gz"
BODY = gzip.compress(b'{"seq": 1}\n', mtime=0)
BIG = bytes(8 << 20)  # more than fits into the buffers between two programs
# An answer that would be of gigabytes if it were read out.
LAUGHS = (
    b'<!DOCTYPE a [<!ENTITY b "'
    + b"x" * 20_000
    + b'">]><Error><Code>'
    + b"&b;" * 10_000
    + b"</Code>"
    b"</Error>"
)
STORED = answer("200 OK", 'ETag: "0123456789abcdef0123456789abcdef"')


def record(configuration: Mapping[str, Any], **fields: Any) -> SinkRecord:
    return SinkRecord(
        **{
            "id": "c",
            "organization_uuid": ORGANIZATION,
            "name": "lake",
            "type": "aws_s3",
            "configuration": configuration,
            "credentials": CREDENTIALS,
            "token_key": "",
            "inserted_at": NOON,
            "updated_at": NOON,
            **fields,
        }
    )


def at(url: str | None = None, **more: Any) -> dict[str, Any]:
    place = {"bucket": "lake", "region": "eu-central-1", **more}
    return place if url is None else {**place, "endpoint_url": url}


@asynccontextmanager
async def opened(record: SinkRecord, **outside: Any) -> AsyncIterator[Sink]:
    sink = await open_s3(record, replace(Outside(LoopbackDoor()), **outside))
    try:
        yield sink
    finally:
        await sink.close()


@asynccontextmanager
async def against(conduct: Conduct, **outside: Any) -> AsyncIterator[tuple[Stranger, Sink]]:
    async with (
        meeting(conduct) as stranger,
        opened(record(at(stranger.url)), **outside) as sink,
    ):
        yield stranger, sink


async def failure(sink: Sink, body: bytes = BODY) -> SinkError:
    with pytest.raises(SinkError) as raised:
        await sink.put(NAME, body)
    return raised.value


def refusal(status: str, code: str, *headers: str, more: str = "") -> bytes:
    """Return an error as S3 tells it, with words that must go no further."""
    body = (
        f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>CANARY words</Message>"
        f"<AWSAccessKeyId>AKIACANARYID</AWSAccessKeyId>{more}</Error>"
    )
    return answer(status, "Content-Type: application/xml", *headers, body=body.encode())


# ---- a store ----


@pytest.fixture
def bucket(s3_store: S3Store) -> str:
    return s3_store.new_bucket()


@pytest.fixture(params=["aws_s3", "digital_ocean_spaces"])
async def sink(
    request: pytest.FixtureRequest, s3_store: S3Store, bucket: str
) -> AsyncIterator[Sink]:
    async with opened(record(s3_store.configuration(bucket), type=request.param)) as sink:
        yield sink


async def test_an_object_is_stored_as_it_is(s3_store: S3Store, bucket: str, sink: Sink) -> None:
    await sink.put(NAME, BODY)

    assert s3_store.objects(bucket) == {NAME: BODY}
    assert s3_store.headers(bucket, NAME) == ("application/gzip", None)


async def test_an_object_is_stored_again_over_the_first(
    s3_store: S3Store, bucket: str, sink: Sink
) -> None:
    await sink.put(NAME, b"first")
    await sink.put(NAME, BODY)

    assert s3_store.objects(bucket) == {NAME: BODY}


async def test_an_object_is_deleted_and_may_be_gone_already(
    s3_store: S3Store, bucket: str, sink: Sink
) -> None:
    await sink.put(NAME, BODY)
    await sink.delete(NAME)
    await sink.delete(NAME)

    assert s3_store.objects(bucket) == {}


async def test_a_bucket_that_is_missing_is_named_and_used_once_it_is_there(
    s3_store: S3Store, bucket: str, sink: Sink
) -> None:
    s3_store.delete(bucket)
    assert "There is no such bucket: create it" in str(await failure(sink))

    s3_store.make(bucket)
    await sink.put(NAME, BODY)

    assert s3_store.objects(bucket) == {NAME: BODY}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"access_key_id": "AKIACANARYUNKNOWN"}, "does not know access_key_id"),
        ({"secret_access_key": "CANARYsecretCANARY"}, "secret_access_key does not belong"),
    ],
)
async def test_wrong_credentials_are_what_has_to_be_corrected(
    strict_s3_store: S3Store, wrong: dict[str, str], words: str
) -> None:
    bucket = strict_s3_store.new_bucket()
    credentials = {**strict_s3_store.credentials, **wrong}
    configuration = strict_s3_store.configuration(bucket)
    async with opened(record(configuration, credentials=credentials)) as sink:
        told = await failure(sink)
    async with opened(record(configuration, credentials=strict_s3_store.credentials)) as sink:
        await sink.put(NAME, BODY)

    assert isinstance(told, SinkRefused)
    assert words in str(told)
    assert not any(secret in str(told) for secret in credentials.values())
    assert strict_s3_store.objects(bucket) == {NAME: BODY}


async def test_the_rights_of_the_documents_are_enough_and_no_more(
    documented_s3_store: S3Store,
) -> None:
    configuration = documented_s3_store.configuration(DOCUMENTED_BUCKET)
    credentials = documented_s3_store.credentials
    async with opened(record(configuration, credentials=credentials)) as sink:
        await sink.put(NAME, BODY)
        await sink.put("lake/ringmain-probe-c.gz", BODY)
        await sink.delete("lake/ringmain-probe-c.gz")
        with pytest.raises(SinkRefused, match="allow its user s3:PutObject"):
            await sink.put(NAME.removeprefix("lake/"), BODY)
        with pytest.raises(SinkRefused, match="allow its user s3:DeleteObject"):
            await sink.delete(NAME)


# ---- what goes over the line ----


async def test_a_request_is_one_that_every_store_understands() -> None:
    async with against(saying(STORED)) as (stranger, sink):
        await sink.put(NAME, BODY)

    head = stranger.heads[0].lower()
    path = NAME.lower().replace("=", "%3d")
    assert head.startswith(f"put /lake/{path} http/1.1\r\n")
    assert f"\r\nhost: 127.0.0.1:{stranger.port}\r\n" in head
    assert "\r\ncontent-md5: " in head
    assert f"\r\ncontent-length: {len(BODY)}\r\n" in head
    assert "\r\nuser-agent: ringmain " in head
    assert "/eu-central-1/s3/aws4_request" in head
    for unknown in ("aws-chunked", "crc", "x-amz-sdk", "expect", "security-token", "encoding"):
        assert unknown not in head


HOSTS = [
    ("aws_s3", {"region": "eu-central-1"}, "lake.s3.eu-central-1.amazonaws.com"),
    ("aws_s3", {"region": "us-east-1"}, "lake.s3.us-east-1.amazonaws.com"),
    ("aws_s3", {"region": "cn-north-1"}, "lake.s3.cn-north-1.amazonaws.com.cn"),
    ("aws_s3", {"region": "us-gov-west-1"}, "lake.s3.us-gov-west-1.amazonaws.com"),
    ("aws_s3", {"region": "eu-west-3", "bucket": "a.b"}, "s3.eu-west-3.amazonaws.com"),
    ("digital_ocean_spaces", {"region": "fra1"}, "fra1.digitaloceanspaces.com"),
    ("aws_s3", {"region": "x", "endpoint_url": "https://minio.example:9000"}, "minio.example"),
    (
        "aws_s3",
        {"region": "eu-west-3", "endpoint_url": "https://s3.eu-west-3.amazonaws.com"},
        "s3.eu-west-3.amazonaws.com",
    ),
    (
        "digital_ocean_spaces",
        {"region": "fra1", "endpoint_url": "https://[2606:4700::1]"},
        "2606:4700::1",
    ),
]


@pytest.mark.parametrize(("kind", "place", "host"), HOSTS)
async def test_nobody_is_asked_but_the_host_of_the_region(
    kind: str, place: dict[str, str], host: str
) -> None:
    door = LoopbackDoor(leads_nowhere=True)
    async with opened(record(at(**place), type=kind), door=door) as sink:
        assert str(await failure(sink)) == "This host is closed."

    assert door.resolved == [host]


@pytest.fixture
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Say to botocore in every way that it should do something else."""
    # Whoever reads one of these stumbles.
    home = tmp_path / ".aws"
    model = home / "models/s3/2006-03-01/service-2.json"
    model.parent.mkdir(parents=True)
    for file in (home / "config", home / "credentials", model):
        file.write_text("[default\n")
    monkeypatch.setattr(Loader, "CUSTOMER_DATA_PATH", str(home / "models"))
    for name, value in SAID.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HOME", str(tmp_path))
    s3._library.cache_clear()
    yield
    s3._library.cache_clear()


SAID = {
    "AWS_ACCESS_KEY_ID": "FROMENVIRONMENT",
    "AWS_SECRET_ACCESS_KEY": "x",
    "AWS_SESSION_TOKEN": "FROMENVIRONMENT",
    "AWS_PROFILE": "nobody",
    "AWS_REGION": "us-west-2",
    "AWS_DEFAULT_REGION": "us-west-2",
    "AWS_ENDPOINT_URL": "http://environment.example",
    "AWS_ENDPOINT_URL_S3": "http://environment.example",
    "AWS_CA_BUNDLE": "/nowhere",
    "REQUESTS_CA_BUNDLE": "/nowhere",
    "AWS_USE_FIPS_ENDPOINT": "true",
    "AWS_USE_DUALSTACK_ENDPOINT": "true",
    "AWS_DEFAULTS_MODE": "auto",
    "AWS_MAX_ATTEMPTS": "nine",
    "AWS_RETRY_MODE": "adaptive",
    "AWS_REQUEST_CHECKSUM_CALCULATION": "when_supported",
    "AWS_AUTH_SCHEME_PREFERENCE": "sigv4a",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:1",
    "AWS_DATA_PATH": "/nowhere",
    "HTTP_PROXY": "http://proxy.example:1",
    "HTTPS_PROXY": "http://proxy.example:1",
    "http_proxy": "http://proxy.example:1",
    "https_proxy": "http://proxy.example:1",
}


@pytest.mark.sqlite_only("nothing is stored")
async def test_nothing_is_taken_from_the_surroundings(surroundings: None) -> None:
    door = LoopbackDoor(leads_nowhere=True)
    async with opened(record(at()), door=door) as sink:
        await failure(sink)
    async with against(saying(STORED)) as (stranger, custom):
        await custom.put(NAME, BODY)

    assert door.resolved == ["lake.s3.eu-central-1.amazonaws.com"]
    assert "Credential=AKIACANARYID/" in stranger.heads[0]
    assert "FROM" not in stranger.heads[0]
    assert "crc" not in stranger.heads[0].lower()


# ---- what can be told without a network ----


INJECTIONS = [
    "127.0.0.1/?",
    "127.0.0.1:9000/#",
    "x@127.0.0.1",
    ".evil.example",
    "eu-central-1\n",
    "eu-central-1\r\nHost: evil.example",
    "../..",
    "EU-CENTRAL-1",
    "%31",
    "",
]


@pytest.mark.parametrize("kind", ["aws_s3", "digital_ocean_spaces"])
@pytest.mark.parametrize("field", ["region", "bucket"])
@pytest.mark.parametrize("smuggled", INJECTIONS)
async def test_no_name_smuggles_a_host(kind: str, field: str, smuggled: str) -> None:
    door = LoopbackDoor()
    with pytest.raises(SinkRefused):
        await open_s3(record(at(**{field: smuggled}), type=kind), Outside(door))

    assert door.checked == door.resolved == []


@pytest.mark.parametrize(
    ("configuration", "credentials", "words"),
    [
        ({"region": "eu-central-1"}, CREDENTIALS, "bucket is missing"),
        ({"bucket": "lake"}, CREDENTIALS, "region is missing"),
        ({"bucket": ["lake"], "region": "eu-central-1"}, CREDENTIALS, "bucket is missing"),
        (at(), {"access_key_id": "x"}, "secret_access_key is missing"),
        (at(), {"secret_access_key": "x"}, "access_key_id is missing"),
        (at(), {**CREDENTIALS, "access_key_id": "AKIACANARY/x\r\n"}, "access_key_id is 1 to 128"),
        (at(), {**CREDENTIALS, "secret_access_key": "CANARY\n"}, "secret_access_key is 1 to 256"),
        (at(bucket="arn:aws:s3:eu-central-1:1:accesspoint/x"), CREDENTIALS, "bucket's name"),
        (at(bucket="lake--euc1-az1--x-s3"), CREDENTIALS, "general purpose bucket"),
    ],
)
async def test_what_is_missing_or_malformed_is_said_at_once(
    configuration: dict[str, Any], credentials: dict[str, str], words: str
) -> None:
    with pytest.raises(SinkRefused) as refused:
        await open_s3(record(configuration, credentials=credentials), Outside(LoopbackDoor()))

    assert words in str(refused.value)
    assert "CANARY" not in str(refused.value)


@pytest.mark.parametrize(
    "host", ["minio_1", "m\u00fcnchen.example", "-x.example", "x" * 64, "[fe80::1", "a..b"]
)
async def test_an_endpoint_has_a_host_that_can_be_signed(host: str) -> None:
    with pytest.raises(SinkRefused, match="endpoint_url cannot work: its host"):
        await open_s3(record(at(f"https://{host}:9000")), Outside(LoopbackDoor()))


async def test_an_endpoint_has_to_pass_the_door() -> None:
    door = LoopbackDoor("evil.example")
    with pytest.raises(SinkRefused, match="This URL is closed"):
        await open_s3(record(at("https://evil.example")), Outside(door))

    assert door.checked == ["https://evil.example"]


# ---- what is no store, or not well ----


@pytest.mark.parametrize(
    ("conduct", "kind", "words"),
    [
        (
            saying(refusal("403 Forbidden", "AccessDenied")),
            SinkRefused,
            "allow its user s3:PutObject",
        ),
        (
            saying(refusal("403 Forbidden", "RequestTimeTooSkewed")),
            SinkRefused,
            "set the clock",
        ),
        (hanging_up, SinkUnavailable, "cut the connection off"),
        (saying(b""), SinkUnavailable, "cut the connection off"),
        (saying(b"220 mail.example ESMTP\r\n"), SinkRefused, "no object store"),
        (saying(answer("200 OK", body=b"<html>Welcome</html>")), SinkRefused, "no object store"),
        (saying(answer("404 Not Found", body=b"<html>")), SinkRefused, "no object store"),
        (saying(answer("400 Bad Request", body=b"\xff\x00{")), SinkRefused, "HTTP status 400"),
        (saying(answer("403 Forbidden", body=b"<a><b/></a>")), SinkRefused, "s3:PutObject"),
        (saying(answer("401 Unauthorized", body=b"{}")), SinkRefused, "s3:PutObject"),
        (
            saying(refusal("400 Bad Request", "<Code>NoSuchBucket</Code>")),
            SinkRefused,
            "no object store",
        ),
        (
            saying(answer("400 Bad Request", body=b"<a>" * 20_000)),
            SinkRefused,
            "HTTP status 400",
        ),
        (
            saying(answer("400 Bad Request", body=b"<a>" * 9_000 + b"</a>" * 9_000)),
            SinkRefused,
            "",
        ),
        (
            saying(
                answer(
                    "400 Bad Request",
                    body=b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>'
                    b"<Error><Code>&b;</Code></Error>",
                )
            ),
            SinkRefused,
            "HTTP status 400",
        ),
        (saying(answer("400 Bad Request", body=LAUGHS)), SinkRefused, "HTTP status 400"),
        (saying(answer("200 OK", body=bytes(2 << 20))), SinkRefused, "no object store"),
        (saying(answer("999 What", body=b"x")), SinkRefused, "no object store"),
    ],
)
async def test_every_failure_is_one_of_ours(
    conduct: Conduct, kind: type[SinkError], words: str
) -> None:
    async with against(conduct) as (_, sink):
        told = await failure(sink)

    assert type(told) is kind
    assert words in str(told)
    assert "CANARY" not in str(told)


async def test_a_store_that_has_too_much_to_do_is_asked_once_more() -> None:
    answers, bodies = [refusal("503 Slow Down", "SlowDown"), STORED], []

    async def conduct(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        bodies.append(await reader.readexactly(len(BIG)))
        await saying(answers.pop(0))(reader, writer)

    async with against(conduct) as (_, sink):
        await sink.put(NAME, BIG)

    assert bodies == [BIG, BIG]


async def test_a_store_that_stays_busy_is_told_as_such() -> None:
    async with against(saying(refusal("503 Slow Down", "SlowDown"))) as (stranger, sink):
        told = await failure(sink)

    assert isinstance(told, SinkUnavailable)
    assert "fewer requests" in str(told)
    assert len(stranger.heads) == 2


@pytest.mark.parametrize("status", ["301 x", "302 x", "303 x", "307 x", "308 x"])
async def test_a_redirect_is_not_followed(status: str) -> None:
    async with meeting(saying(STORED)) as elsewhere:
        away = saying(answer(status, f"Location: {elsewhere.url}/lake/x"))
        async with against(away) as (stranger, sink):
            told = await failure(sink)

    assert isinstance(told, SinkRefused)
    assert "not followed" in str(told)
    assert len(stranger.heads) == 1
    assert elsewhere.connections == 0


@pytest.mark.parametrize("region", ["eu-west-1", "127.0.0.1/?", "x.evil.example#"])
@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("301 Moved", "PermanentRedirect"),
        ("400 Bad Request", "AuthorizationHeaderMalformed"),
        ("400 Bad Request", "IllegalLocationConstraintException"),
    ],
)
async def test_a_bucket_is_not_followed_into_another_region(
    status: str, code: str, region: str
) -> None:
    told_region = refusal(
        status, code, f"x-amz-bucket-region: {region}", more=f"<Region>{region}</Region>"
    )
    door = LoopbackDoor()
    async with against(saying(told_region), door=door) as (stranger, sink):
        told = await failure(sink)

    assert isinstance(told, SinkRefused)
    assert "not in this region" in str(told)
    assert len(stranger.heads) == 1  # nobody was asked where it is
    assert set(door.resolved) == {"127.0.0.1"}


async def test_a_right_to_delete_is_named_where_it_is_missing() -> None:
    async with against(saying(refusal("403 Forbidden", "AccessDenied"))) as (_, sink):
        with pytest.raises(SinkRefused, match="s3:DeleteObject"):
            await sink.delete(NAME)


async def test_a_store_that_says_nothing_is_given_up() -> None:
    async with against(silence, read_timeout=0.1) as (_, sink):
        told = await failure(sink)

    assert isinstance(told, SinkUnavailable)
    assert "did not answer in time" in str(told)


async def test_an_upload_has_an_end() -> None:
    async with against(deafness, put_timeout=0.3) as (_, sink):
        told = await failure(sink, BIG)

    assert isinstance(told, SinkUnavailable)
    assert "in time" in str(told)


async def test_a_port_where_nobody_listens_refuses() -> None:
    async with meeting(silence) as stranger:
        pass
    async with opened(record(at(stranger.url))) as sink:
        told = await failure(sink)

    assert isinstance(told, SinkUnavailable)
    assert "Connection refused" in str(told)


async def test_a_put_that_is_cancelled_hangs_up_and_harms_no_other() -> None:
    cancelled = asyncio.Event()
    rest: list[bytes] = []

    async def conduct(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await cancelled.wait()
        if not rest:
            rest.append(await reader.read())
        else:
            await saying(STORED)(reader, writer)

    async with against(conduct) as (stranger, sink):
        put = asyncio.create_task(sink.put(NAME, BIG))
        await asyncio.wait_for(stranger.asked.wait(), PATIENCE)
        put.cancel()
        with pytest.raises(asyncio.CancelledError):
            await put
        cancelled.set()
        await asyncio.wait_for(stranger.left.wait(), PATIENCE)
        await sink.put(NAME, BODY)

    assert len(rest) == 1
    assert len(rest[0]) < len(BIG)


async def test_closing_ends_what_is_under_way() -> None:
    async with against(silence) as (stranger, sink):
        put = asyncio.create_task(sink.put(NAME, BODY))
        await asyncio.wait_for(stranger.asked.wait(), PATIENCE)
        await sink.close()
        with pytest.raises(SinkUnavailable):
            await put
        await asyncio.wait_for(stranger.left.wait(), PATIENCE)

        assert str(await failure(sink)) == "The connector was closed."


async def test_no_secret_and_no_word_of_the_store_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    async with against(saying(refusal("403 Forbidden", "AccessDenied"))) as (_, sink):
        await failure(sink)

    told = [line for line in caplog.records if line.levelno >= logging.INFO]
    assert told == []
    assert CREDENTIALS["secret_access_key"] not in caplog.text
