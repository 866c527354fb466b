"""The stand-ins keep what they are given, and refuse what the real ones refuse."""

from __future__ import annotations

import json
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from azure.core.exceptions import HttpResponseError
from botocore.exceptions import ClientError

from tests.stores import AzureStore, GcpOAuth, GcsStore, S3Store, Store

NAME = "a prefix/organization=1/hour=00/ä-1-2.jsonl.gz"


@pytest.mark.parametrize("fixture", ["s3_store", "strict_s3_store", "azure_store", "gcs_store"])
def test_a_stand_in_holds_what_was_put_until_its_bucket_is_deleted(
    fixture: str, request: pytest.FixtureRequest
) -> None:
    store: Store = request.getfixturevalue(fixture)
    bucket, other = store.new_bucket(), store.new_bucket()

    store.put(bucket, NAME, b"\x1f\x8b one")

    assert store.objects(bucket) == {NAME: b"\x1f\x8b one"}
    assert store.objects(other) == {}
    store.delete(bucket)
    assert store.objects(bucket) == {}
    store.make(bucket)
    assert store.objects(bucket) == {}


def test_the_strict_one_refuses_another_key(strict_s3_store: S3Store) -> None:
    key = strict_s3_store.access_key_id
    stranger = S3Store(strict_s3_store.endpoint_url, "AKIASTRANGER", "any")
    forger = S3Store(strict_s3_store.endpoint_url, key, "another secret")

    with pytest.raises(ClientError, match="InvalidAccessKeyId"):
        stranger.new_bucket()
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        forger.new_bucket()
    stranger.client.close()
    forger.client.close()


def test_azure_refuses_another_key(azure_store: AzureStore) -> None:
    forger = AzureStore(azure_store.endpoint_url, azure_store.account, "Zm9yZ2Vk")

    with pytest.raises(HttpResponseError) as refused:
        forger.new_bucket()
    assert refused.value.status_code == 403
    forger.client.close()


def test_google_is_asked_for_a_token_and_may_refuse_it(
    gcp_oauth: GcpOAuth, gcs_store: GcsStore
) -> None:
    form = b"grant_type=any&assertion=e30.eyJpc3MiOiAibWUifQ.any"

    with urlopen(Request(gcp_oauth.url, form)) as granted:
        assert json.load(granted)["access_token"]
    gcp_oauth.refuses = True
    with pytest.raises(HTTPError) as refused:
        urlopen(Request(gcp_oauth.url, form))

    assert (refused.value.code, json.load(refused.value)["error"]) == (400, "invalid_grant")
    refused.value.close()
    assert gcp_oauth.assertions == [{"iss": "me"}] * 2
