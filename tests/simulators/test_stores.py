"""The simulated store, as the library sees it that sinks use."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import repeat
from typing import Any, TypeAlias

import pytest
from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession
from botocore.exceptions import BotoCoreError, ClientError
from botocore.loaders import create_loader

from simulators.buckets import Mishap
from simulators.stores import KEY_ID, SECRET, Store
from tests.doubles import until

LAKE, NAME = "lake", "organization=1/date=2026-11-22/a b+ü.gz"
LOADER = create_loader()  # reading what the library knows of the protocol takes a while
Client: TypeAlias = Any


@asynccontextmanager
async def connected(store: Store, secret: str = SECRET) -> AsyncIterator[Client]:
    config = AioConfig(
        connect_timeout=5,
        read_timeout=5,
        retries={"total_max_attempts": 1},
        s3={"addressing_style": "path"},
        request_checksum_calculation="when_required",
    )
    session = AioSession()
    session.register_component("data_loader", LOADER)
    async with session.create_client(
        "s3",
        region_name="us-east-1",
        endpoint_url=store.url,
        aws_access_key_id=KEY_ID,
        aws_secret_access_key=secret,
        config=config,
    ) as client:
        yield client


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    async with Store.listening(LAKE) as listening:
        yield listening


@pytest.fixture
async def client(store: Store) -> AsyncIterator[Client]:
    async with connected(store) as opened:
        yield opened


def put(client: Client, body: bytes = b"12345678", name: str = NAME) -> Awaitable[Any]:
    doing: Awaitable[Any] = client.put_object(Bucket=LAKE, Key=name, Body=body, ContentType="x/y")
    return doing


async def refused(doing: Awaitable[object]) -> str:
    with pytest.raises(ClientError) as error:
        await doing
    code: str = error.value.response["Error"]["Code"]
    return code


async def test_an_object_is_kept_shown_and_removed(store: Store, client: Client) -> None:
    await put(client)
    got = await client.get_object(Bucket=LAKE, Key=NAME)
    head = await client.head_object(Bucket=LAKE, Key=NAME)

    assert await got["Body"].read() == store.buckets[LAKE].objects[NAME].body == b"12345678"
    assert (got["ContentType"], got["ETag"]) == ("x/y", head["ETag"])
    assert head["ContentLength"] == 8

    await client.delete_object(Bucket=LAKE, Key=NAME)
    assert await refused(client.get_object(Bucket=LAKE, Key=NAME)) == "NoSuchKey"


async def test_a_listing_comes_in_pages_and_in_order(store: Store, client: Client) -> None:
    for name in ("b/2", "a/&<1>", NAME, "b/1", "b/3"):
        await put(client, name=name)

    first = await client.list_objects_v2(Bucket=LAKE, MaxKeys=3)
    token = first["NextContinuationToken"]
    second = await client.list_objects_v2(Bucket=LAKE, MaxKeys=3, ContinuationToken=token)
    below = await client.list_objects_v2(Bucket=LAKE, Prefix="b/", StartAfter="b/1")

    pages = [[one["Key"] for one in page["Contents"]] for page in (first, second, below)]
    assert pages == [["a/&<1>", "b/1", "b/2"], ["b/3", NAME], ["b/2", "b/3"]]
    assert [page["IsTruncated"] for page in (first, second, below)] == [True, False, False]


async def test_a_bucket_is_there_or_is_not(store: Store, client: Client) -> None:
    store.buckets[LAKE].there = False
    assert await refused(put(client)) == "NoSuchBucket"
    assert await refused(client.head_bucket(Bucket="elsewhere")) == "404"

    await client.create_bucket(Bucket=LAKE)
    await put(client)
    assert await refused(client.create_bucket(Bucket=LAKE)) == "BucketAlreadyOwnedByYou"
    assert [one.answer for one in store.puts] == ["NoSuchBucket", "ok"]


async def test_only_who_signs_with_a_known_key_comes_in(store: Store, client: Client) -> None:
    async with connected(store, "another-secret") as stranger:
        assert await refused(put(stranger)) == "SignatureDoesNotMatch"
    store.keys.clear()

    assert await refused(put(client)) == "InvalidAccessKeyId"
    assert not store.buckets[LAKE].objects
    assert [(one.stored, one.body) for one in store.puts] == [(False, b"12345678")] * 2


async def test_what_the_store_cannot_do_it_does_not_pretend_to(client: Client) -> None:
    delimited = client.list_objects_v2(Bucket=LAKE, Delimiter="/")
    assert await refused(delimited) == "NotImplemented"
    upload = client.create_multipart_upload(Bucket=LAKE, Key=NAME)
    assert await refused(upload) == "MethodNotAllowed"


# ---- mishaps ----


Seems: TypeAlias = Callable[[Store, Client], Awaitable[None]]


def failed(code: str) -> Seems:
    async def fails(_store: Store, client: Client) -> None:
        assert await refused(put(client)) == code

    return fails


async def breaks_off(_store: Store, client: Client) -> None:
    with pytest.raises(BotoCoreError):
        await put(client)


async def says_nothing(store: Store, client: Client) -> None:
    waiting = asyncio.ensure_future(put(client))
    await until(lambda: any(one.whole for one in store.puts))
    assert not waiting.done()
    waiting.cancel()
    await asyncio.wait([waiting])


async def succeeds(_store: Store, client: Client) -> None:
    await put(client)


async def puzzles(_store: Store, client: Client) -> None:
    with pytest.raises(ClientError):
        await put(client)


@pytest.mark.parametrize(
    ("mishap", "seems", "stored", "body"),
    [
        (Mishap.FAILS, failed("InternalError"), False, b"12345678"),
        (Mishap.SLOW_DOWN, failed("SlowDown"), False, b"12345678"),
        (Mishap.GARBAGE, puzzles, False, b"12345678"),
        (Mishap.HANGS, says_nothing, False, b"12345678"),
        (Mishap.LATE, says_nothing, True, b"12345678"),
        (Mishap.RESETS, breaks_off, False, b"1234"),
        (Mishap.LOSES, breaks_off, True, b"12345678"),
        (Mishap.SLOW, succeeds, True, b"12345678"),
    ],
)
async def test_a_mishap_lasts_as_long_as_the_script_says(
    store: Store,
    client: Client,
    mishap: Mishap,
    seems: Seems,
    *,
    stored: bool,
    body: bytes,
) -> None:
    bucket = store.buckets[LAKE]
    bucket.script = repeat(mishap)
    await seems(store, client)
    await until(lambda: (NAME in bucket.objects) is stored)

    bucket.script = iter(())
    await put(client)
    first, *_, last = bucket.puts
    assert (first.answer in {mishap, "InternalError", "SlowDown"}, first.stored) == (True, stored)
    assert (first.body, first.whole) == (body, mishap is not Mishap.RESETS)
    assert (last.answer, last.body, last.stored) == ("ok", b"12345678", True)


async def test_whatever_is_asked_of_a_bucket_can_go_wrong(store: Store, client: Client) -> None:
    store.buckets[LAKE].script = repeat(Mishap.FAILS)

    assert await refused(client.get_object(Bucket=LAKE, Key=NAME)) == "InternalError"
    assert await refused(client.list_objects_v2(Bucket=LAKE)) == "InternalError"
    assert await refused(client.delete_object(Bucket=LAKE, Key=NAME)) == "InternalError"


async def test_a_store_comes_back_where_it_was_with_what_it_had(
    store: Store, client: Client
) -> None:
    await put(client)
    port = store.port
    await store.close()
    await breaks_off(store, client)
    await store.listen(port=port)
    got = await client.get_object(Bucket=LAKE, Key=NAME)

    assert await got["Body"].read() == b"12345678"
