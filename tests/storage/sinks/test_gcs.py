"""Google Cloud Storage: against its emulator, and against servers that are not well."""

from __future__ import annotations

import asyncio
import json
import logging
import random
import threading
import traceback
from collections.abc import Sequence

import pytest

from storage.sinks.errors import SinkError, SinkRefused, SinkUnavailable
from storage.sinks.gcs import open_gcs
from storage.sinks.port import Endpoint, Outside
from tests.storage.doubles import PATIENCE
from tests.storage.sinks.google import (
    BODY,
    BUCKET,
    DENIED,
    NAME,
    STORED,
    THERE,
    against,
    in_turn,
    key_file,
    opened,
    record,
    requests_of,
    resource,
    told,
)
from tests.storage.sinks.strangers import (
    Conduct,
    LoopbackDoor,
    answer,
    deafness,
    hanging_up,
    meeting,
    saying,
    silence,
)
from tests.stores import GcpOAuth, GcsStore

BIG = random.Random(1).randbytes(9 << 20)  # more than the library sends in one piece


# ---- the emulator ----


async def test_an_object_is_stored_as_it_is(gcs_store: GcsStore, gcp_oauth: GcpOAuth) -> None:
    bucket = gcs_store.new_bucket()
    async with opened(gcs_store.configuration(bucket), gcp_oauth.url) as sink:
        await sink.put(NAME, BODY)
        await sink.put(f"{NAME}2", b"")

    assert gcs_store.objects(bucket) == {NAME: BODY, f"{NAME}2": b""}
    assert gcs_store.headers(bucket, NAME) == ("application/gzip", None)
    assert len(gcp_oauth.assertions) == 1  # one token does for many objects


async def test_an_object_of_the_same_name_is_there_once(
    gcs_store: GcsStore, gcp_oauth: GcpOAuth
) -> None:
    bucket = gcs_store.new_bucket()
    async with opened(gcs_store.configuration(bucket), gcp_oauth.url) as sink:
        await sink.put(NAME, BODY)
        await sink.put(NAME, BODY)

    assert gcs_store.objects(bucket) == {NAME: BODY}


async def test_a_big_object_is_stored_whole(gcs_store: GcsStore, gcp_oauth: GcpOAuth) -> None:
    bucket = gcs_store.new_bucket()
    async with opened(gcs_store.configuration(bucket), gcp_oauth.url) as sink:
        await sink.put(NAME, BIG)

    assert gcs_store.objects(bucket)[NAME] == BIG


async def test_an_object_is_deleted_also_where_there_is_none(
    gcs_store: GcsStore, gcp_oauth: GcpOAuth
) -> None:
    bucket = gcs_store.new_bucket()
    async with opened(gcs_store.configuration(bucket), gcp_oauth.url) as sink:
        await sink.put(NAME, BODY)
        await sink.delete(NAME)
        await sink.delete(NAME)

    assert gcs_store.objects(bucket) == {}


async def test_a_missing_bucket_is_told_and_used_once_it_is_there(
    gcs_store: GcsStore, gcp_oauth: GcpOAuth
) -> None:
    bucket = "ringmain-not-there-yet"
    async with opened(gcs_store.configuration(bucket), gcp_oauth.url) as sink:
        with pytest.raises(SinkRefused, match=f"There is no bucket {bucket}: create it"):
            await sink.put(NAME, BODY)
        gcs_store.make(bucket)
        await sink.put(NAME, BODY)

    assert gcs_store.objects(bucket) == {NAME: BODY}
    gcs_store.delete(bucket)


async def test_a_key_that_google_refuses_is_told_and_used_once_it_is_good(
    gcs_store: GcsStore, gcp_oauth: GcpOAuth
) -> None:
    bucket = gcs_store.new_bucket()
    gcp_oauth.refuses = True
    async with opened(gcs_store.configuration(bucket), gcp_oauth.url) as sink:
        with pytest.raises(SinkRefused, match="Google gives no token for this key"):
            await sink.put(NAME, BODY)
        gcp_oauth.refuses = False
        await sink.put(NAME, BODY)

    assert gcs_store.objects(bucket) == {NAME: BODY}


# ---- nothing but the setting leads anywhere ----


async def test_a_foreign_token_endpoint_is_refused_and_never_asked() -> None:
    async with meeting(silence) as trap:
        foreign = key_file(token_uri=f"{trap.url}/token")
        with pytest.raises(SinkRefused, match="its token_uri is not Google's"):
            await open_gcs(record({"bucket": BUCKET}, foreign), Outside(door=LoopbackDoor()))

        assert trap.connections == 0


async def test_no_address_in_a_key_is_ever_asked() -> None:
    async with meeting(silence) as trap:
        places = (
            "auth_uri",
            "auth_provider_x509_cert_url",
            "client_x509_cert_url",
            "service_account_impersonation_url",
            "token_url",
            "token_info_url",
            "quota_project_id",
            "trust_boundary",
        )
        key = key_file(**dict.fromkeys(places, trap.url))
        async with against(saying(STORED), key=key) as (store, tokens, sink):
            await sink.put(NAME, BODY)

        assert (trap.connections, len(store.heads), len(tokens.heads)) == (0, 1, 1)


async def test_the_surroundings_lead_nowhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("ambient")
    (folder / "key.json").write_text(key_file())
    (folder / "netrc").write_text("machine 127.0.0.1 login canary password canary\n")
    async with meeting(silence) as trap:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, trap.url)
            monkeypatch.setenv(name.lower(), trap.url)
        for name, value in {
            "NO_PROXY": "",
            "no_proxy": "",
            "NETRC": str(folder / "netrc"),
            "REQUESTS_CA_BUNDLE": "/nowhere",
            "STORAGE_EMULATOR_HOST": trap.url,
            "API_ENDPOINT_OVERRIDE": trap.url,
            "GCE_METADATA_HOST": trap.url.removeprefix("http://"),
            "GOOGLE_APPLICATION_CREDENTIALS": str(folder / "key.json"),
            "GOOGLE_API_USE_CLIENT_CERTIFICATE": "true",
            "GOOGLE_API_USE_MTLS_ENDPOINT": "always",
            "GOOGLE_CLOUD_PROJECT": "canary",
            "GOOGLE_CLOUD_UNIVERSE_DOMAIN": "canary.example.com",
        }.items():
            monkeypatch.setenv(name, value)
        async with against(in_turn(STORED, told("200 OK", {}))) as (store, tokens, sink):
            await sink.put(NAME, BODY)
            await sink.delete(NAME)

        assert (trap.connections, len(store.heads), len(tokens.heads)) == (0, 2, 1)
        assert "canary-token" in store.heads[0]
        assert "canary" not in tokens.heads[0]


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Redirect", "308 Redirect"])
async def test_a_redirect_is_not_followed(status: str) -> None:
    async with meeting(silence) as elsewhere:
        moved = saying(answer(status, f"Location: {elsewhere.url}/upload/"))
        async with against(moved) as (_, _, sink):
            with pytest.raises(SinkRefused, match="sends us elsewhere"):
                await sink.put(NAME, BODY)
        async with against(silence, tokens=moved) as (store, _, sink):
            with pytest.raises(SinkError):
                await sink.put(NAME, BODY)

        assert elsewhere.connections == store.connections == 0


async def test_a_redirect_to_the_same_server_is_not_followed_either() -> None:
    async with against(saying(answer("307 Redirect", "Location: /upload/"))) as (store, _, sink):
        with pytest.raises(SinkRefused, match="sends us elsewhere"):
            await sink.put(NAME, BODY)

    assert len(store.heads) == 1


async def test_nobody_is_asked_where_the_account_may_work(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    async with against(saying(STORED)) as (_, _, sink):
        await sink.put(NAME, BODY)

    assert [each.name for each in caplog.records if "boundary" in each.name] == []


async def test_a_big_object_goes_to_no_other_server() -> None:
    async with meeting(silence) as elsewhere:
        place = saying(answer("200 OK", f"Location: {elsewhere.url}/upload/"))
        async with against(place) as (_, _, sink):
            with pytest.raises(SinkRefused, match="sends us elsewhere"):
                await sink.put(NAME, BIG)

        assert elsewhere.connections == 0


# ---- an object is never simply written over ----


async def test_the_same_bytes_under_the_same_name_are_done_with() -> None:
    async with against(in_turn(THERE, STORED)) as (store, _, sink):
        await sink.put(NAME, BODY)

    created, looked = requests_of(store)
    assert created.startswith(f"POST /upload/storage/v1/b/{BUCKET}/o?")
    assert "ifGenerationMatch=0" in created
    assert looked.startswith(f"GET /storage/v1/b/{BUCKET}/o/lake%2Forganization%3D")


@pytest.mark.parametrize("other", [b"", BODY[:-1], BODY[::-1]])
async def test_other_bytes_under_the_same_name_are_replaced(other: bytes) -> None:
    there = told("200 OK", resource(other))
    async with against(in_turn(THERE, there, STORED)) as (store, _, sink):
        await sink.put(NAME, BODY)

    replaced = requests_of(store)[2]
    assert replaced.startswith("POST /upload/")
    assert "ifGenerationMatch" not in replaced


async def test_who_may_not_look_may_replace() -> None:
    async with against(in_turn(THERE, DENIED, STORED)) as (store, _, sink):
        await sink.put(NAME, BODY)

    assert len(store.heads) == 3


GONE = told("404 Not Found", {"error": {}})


async def test_what_is_gone_again_is_stored() -> None:
    async with against(in_turn(THERE, GONE, STORED)) as (store, _, sink):
        await sink.put(NAME, BODY)

    assert len(store.heads) == 3


OTHER = told("200 OK", resource(b"other"))


@pytest.mark.parametrize(
    ("answers", "right"),
    [
        ([DENIED], "storage.objects.create"),
        ([THERE, DENIED, DENIED], "storage.objects.get"),
        ([THERE, OTHER, DENIED], "storage.objects.delete"),
    ],
)
async def test_the_missing_right_is_named(answers: Sequence[bytes], right: str) -> None:
    async with against(in_turn(*answers)) as (_, _, sink):
        with pytest.raises(SinkRefused, match=f"grant it a role with {right} on the bucket"):
            await sink.put(NAME, BODY)


async def test_the_right_to_delete_is_named() -> None:
    async with against(saying(DENIED)) as (_, _, sink):
        with pytest.raises(SinkRefused, match=r"a role with storage\.objects\.delete"):
            await sink.delete(NAME)


async def test_a_lost_answer_costs_nothing() -> None:
    kept: list[bytes] = []

    async def conduct(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if kept:
            await saying(THERE if len(kept) == 1 else STORED)(reader, writer)
        else:
            writer.transport.abort()
        kept.append(BODY)

    async with against(conduct) as (_, _, sink):
        with pytest.raises(SinkUnavailable):
            await sink.put(NAME, BODY)
        await sink.put(NAME, BODY)

    assert len(kept) == 3  # stored, there already, looked at


# ---- what becomes of a connection ----


async def test_a_store_that_hangs_up_is_not_available() -> None:
    async with against(hanging_up) as (_, _, sink):
        with pytest.raises(SinkUnavailable, match="cut the connection off"):
            await sink.put(NAME, BODY)


async def test_a_refused_port_is_not_available(gcp_oauth: GcpOAuth) -> None:
    async with meeting(silence) as stranger:
        nobody = {"bucket": BUCKET, "endpoint_url": stranger.url}
    async with opened(nobody, gcp_oauth.url) as sink:
        with pytest.raises(SinkUnavailable, match=r"No connection to 127.0.0.1: .* refused"):
            await sink.put(NAME, BODY)


async def test_a_silent_store_is_given_up_in_time() -> None:
    async with against(silence, read_timeout=0.2) as (_, _, sink):
        with pytest.raises(SinkUnavailable, match="did not answer in time"):
            await sink.put(NAME, BODY)


async def dripping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say so little at a time that no deadline between two bytes is ever reached."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while not reader.at_eof():
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("conduct", [deafness, silence, dripping])
async def test_an_upload_has_a_deadline_as_a_whole_and_the_next_one_is_not_held_up(
    conduct: Conduct,
) -> None:
    conducts = iter([conduct, saying(STORED)])

    async def first_so(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await next(conducts)(reader, writer)

    async with against(first_so, put_timeout=1.0) as (_, _, sink):
        with pytest.raises(SinkUnavailable, match="within 1 s"):
            await sink.put(NAME, BIG[: 7 << 20])
        await sink.put(NAME, BODY)


async def test_a_slow_store_harms_no_other() -> None:
    async with (
        against(silence) as (slow, _, waiting),
        against(saying(STORED)) as (_, _, quick),
    ):
        put = asyncio.create_task(waiting.put(NAME, BODY))
        await asyncio.wait_for(slow.asked.wait(), PATIENCE)
        await quick.put(NAME, BODY)

        assert not put.done()
        put.cancel()


def threads() -> set[threading.Thread]:
    return {each for each in threading.enumerate() if each.name.startswith("gcs")}


async def test_a_sink_has_one_thread_which_ends_with_it() -> None:
    others = set(threading.enumerate())
    async with against(in_turn(STORED, STORED)) as (_, _, sink):
        await sink.put(NAME, BODY)
        await sink.put(NAME, BODY)
        (mine,) = threads() - others
        extra = set(threading.enumerate()) - others - {mine}

    assert {each for each in extra if not each.name.startswith("asyncio")} == set()
    mine.join(PATIENCE)
    assert not mine.is_alive()


async def test_closing_gives_up_what_is_under_way() -> None:
    async with against(silence) as (store, _, sink):
        put = asyncio.create_task(sink.put(NAME, BODY))
        await asyncio.wait_for(store.asked.wait(), PATIENCE)
        await sink.close()

        with pytest.raises(SinkUnavailable):
            await asyncio.wait_for(put, PATIENCE)
        await asyncio.wait_for(store.left.wait(), PATIENCE)


async def test_what_is_cancelled_while_its_sink_closes_is_cancelled() -> None:
    async with against(silence) as (store, _, sink):
        put = asyncio.create_task(sink.put(NAME, BODY))
        await asyncio.wait_for(store.asked.wait(), PATIENCE)
        closing = asyncio.create_task(sink.close())
        await asyncio.sleep(0)  # it has begun
        put.cancel()

        with pytest.raises(asyncio.CancelledError):
            await put
        await closing


async def test_closing_does_not_wait_for_a_name_to_be_found() -> None:
    asked, hanging = asyncio.Event(), asyncio.Event()

    class Slow(LoopbackDoor):
        async def resolve(self, host: str, port: int) -> Sequence[Endpoint]:
            asked.set()
            await hanging.wait()
            return await super().resolve(host, port)

    async with against(saying(STORED), door=Slow()) as (store, tokens, sink):
        put = asyncio.create_task(sink.put(NAME, BODY))
        await asyncio.wait_for(asked.wait(), PATIENCE)
        await sink.close()

        with pytest.raises(SinkUnavailable, match="given up"):
            await asyncio.wait_for(put, PATIENCE)
        assert store.connections == 0
        assert tokens.heads == []


async def test_a_sink_that_stored_nothing_closes() -> None:
    async with against(silence) as (_, _, sink):
        await sink.close()
        await sink.close()


async def test_a_cancelled_put_is_cut_off_and_the_next_one_works() -> None:
    conducts = iter([silence, saying(STORED)])

    async def conduct(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await next(conducts)(reader, writer)

    async with against(conduct) as (store, _, sink):
        put = asyncio.create_task(sink.put(NAME, BODY))
        await asyncio.wait_for(store.asked.wait(), PATIENCE)
        put.cancel()
        with pytest.raises(asyncio.CancelledError):
            await put
        await asyncio.wait_for(store.left.wait(), PATIENCE)
        await sink.put(NAME, BODY)


# ---- secrets ----


async def test_no_secret_and_no_word_of_the_store_is_told_or_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    parroting = told("403 Forbidden", {"error": {"message": "Sesame", "errors": []}})
    async with against(saying(parroting)) as (_, _, sink):
        with pytest.raises(SinkRefused) as caught:
            await sink.put(NAME, BODY)
        shown = "".join(traceback.format_exception(caught.value)) + repr(vars(sink)) + caplog.text

    assert "Sesame" not in str(caught.value)
    assert "canary-token" not in shown
    assert json.loads(key_file())["private_key"].splitlines()[1] not in shown
