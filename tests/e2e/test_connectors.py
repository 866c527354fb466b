"""Data connectors as their owner has them: made by the seed's curl lines, at stores of each kind.

A real server, simulated chargers that speak to it, and a server of each store's protocol.
"""

from __future__ import annotations

import json
import re
import shutil
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests import seed_connectors as seed
from tests.e2e.exports import (
    TYPES,
    Site,
    charges,
    journal,
    lines,
    pasted,
    served,
)
from tests.stores import AzureStore, GcpOAuth, GcsStore, S3Store, Store, unused_name

Stores = Mapping[str, Store]

STRANGER = "stranger@ringmain-tests.iam.gserviceaccount.com"
NO_BUCKET = dict.fromkeys(TYPES, "(?i)bucket|space") | {"azure_storage": "(?i)container"}
NOT_LET_IN = dict.fromkeys(TYPES, "(?i)secret") | {
    "gcp_storage": "(?i)service account",
    "azure_storage": "(?i)account.key",
}

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")


@pytest.fixture
def stores(s3_store: S3Store, gcs_store: GcsStore, azure_store: AzureStore) -> Stores:
    return dict(zip(TYPES, (s3_store, s3_store, gcs_store, azure_store), strict=True))


# ---- as the seed says ----


def script(type: str, store: Store, bucket: str, key_file: Path) -> str:
    """Return the seed's lines for a type, with a bucket and a key of ours, and where it is."""
    credentials = {**store.credentials, "service_account_json": ""}
    more = ',\n"endpoint_url": "{}",\n"flush_seconds": 1'.format(
        store.configuration(bucket)["endpoint_url"]
    )
    if type == "gcp_storage":
        more = more.replace('"', '\\"')
    ours = {
        '"your-s3-bucket-name"': f'"{bucket}"',
        '"us-east-1"': f'"us-east-1"{more}',
        "YOUR_AWS_ACCESS_KEY_ID": credentials.get("access_key_id", ""),
        "YOUR_AWS_SECRET_ACCESS_KEY": credentials.get("secret_access_key", ""),
        '"your-spaces-name"': f'"{bucket}"',
        '"nyc3"': f'"nyc3"{more}',
        "YOUR_SPACES_ACCESS_KEY": credentials.get("access_key_id", ""),
        "YOUR_SPACES_SECRET_KEY": credentials.get("secret_access_key", ""),
        'your-gcs-bucket-name\\"': f'{bucket}\\"{more}',
        "/path/to/your/service-account.json": str(key_file),
        "your_azure_storage_account_name": getattr(store, "account", ""),
        '"your_blob_container_name"': f'"{bucket}"{more}',
        "YOUR_AZURE_STORAGE_ACCOUNT_KEY": credentials.get("account_key", ""),
    }
    text = seed.CREATE[type]
    for theirs, our in ours.items():
        text = text.replace(theirs, our)
    return text


async def created(
    site: Site, home: Path, stores: Stores, buckets: Mapping[str, str]
) -> dict[str, str]:
    """Create a connector of each type by the seed's lines, and return their ids."""
    key_file = home / "service-account.json"
    [google] = stores["gcp_storage"].credentials.values()
    key_file.write_text(json.dumps(json.loads(google), indent=2))
    for type, store in stores.items():
        status, told = await pasted(site, home, script(type, store, buckets[type], key_file))
        assert (status, told["success"]) == (201, True), told
        assert told["message"] == "Connector configuration created successfully"
    status, told = await pasted(site, home, seed.LIST)
    assert (status, told["success"]) == (200, True)
    assert told["message"] == "Connector configurations retrieved successfully"
    assert [one["credentials"] for one in told["connectors"]] == [{}] * len(stores)
    return {one["type"]: one["id"] for one in told["connectors"]}


async def disable(site: Site, home: Path, type: str, id: str) -> None:
    """Rename and disable a connector by the seed's lines, and look whether it is."""
    # The seed has one, so that one name is enough for it.
    update = seed.UPDATE.replace("my-prod-s3-backup", f"my-{type}-backup".replace("_", "-"))
    told = await about(site, home, update, id)
    assert told["message"] == "Connector configuration updated successfully"
    assert await about(site, home, seed.GET, id) == {
        "success": True,
        "connector": told["connector"],
        "message": "Connector configuration retrieved successfully",
    }
    changed = told["connector"]
    assert changed["name"] == f"my-{type}-backup-disabled".replace("_", "-")
    assert (changed["enabled"], changed["credentials"]) == (False, {})


async def delete(site: Site, home: Path, id: str) -> None:
    """Delete a connector by the seed's lines, and look whether it is gone."""
    assert await about(site, home, seed.DELETE, id) == {
        "success": True,
        "message": "Connector configuration deleted successfully",
    }
    assert (await site("GET", f"{site.connectors}/{id}"))[0] == 404


async def about(site: Site, home: Path, script: str, id: str) -> Any:
    status, told = await pasted(site, home, script.replace("<CONNECTOR_ID>", id))
    assert (status, told["success"]) == (200, True), told
    return told


@needs_curl
async def test_what_chargers_say_is_in_the_owners_buckets_as_the_seed_promises(
    tmp_path: Path, stores: Stores, gcp_oauth: GcpOAuth
) -> None:
    data_dir = tmp_path / "data"
    buckets = {type: store.new_bucket() for type, store in stores.items()}

    def contents() -> dict[str, dict[str, bytes]]:
        return {type: store.objects(buckets[type]) for type, store in stores.items()}

    async with served(data_dir, gcp_oauth.url) as site:
        ids = await created(site, tmp_path, stores, buckets)
        # What it has stored the others would have stored as well, if nothing kept them from it.
        store = stores["aws_s3"]
        other = await site.create(
            body("aws_s3", "other", store, store.new_bucket(), store.credentials)
        )
        async with site.chargers() as fleet:
            await charges(fleet)
            await site.delivered(ids.values())

            for type, id in ids.items():
                await disable(site, tmp_path, type, id)
            before = contents()
            assert all(before.values())
            for _ in range(2):
                await charges(fleet)
                await site.delivered([other])
            for id in ids.values():
                assert (await site.until(id, state="disabled"))["lag_records"] > 0
            assert contents() == before

            for id in ids.values():
                await site.ok("PUT", f"{site.connectors}/{id}", {"enabled": True})
            await site.delivered(ids.values())

            for id in ids.values():
                await delete(site, tmp_path, id)
            last = contents()
            for _ in range(2):
                await charges(fleet)
                await site.delivered([other])
    assert contents() == last

    logged = await journal(data_dir, site.tenant)
    assert {record["action"] for record in logged} >= {"BootNotification", "TransactionEvent"}
    for type in TYPES:
        exported = lines(last[type])
        assert len(before[type]) < len(last[type])
        assert len(exported) < len(logged)
        assert exported == logged[: len(exported)]


# ---- what keeps a connector from its bucket, and what becomes of it then ----


def refused(type: str, stores: Stores, strict: S3Store) -> tuple[Store, dict[str, str]]:
    """Return a store that is particular, and credentials of which it takes none."""
    if type == "gcp_storage":
        [text] = stores[type].credentials.values()
        account = json.loads(text) | {"client_email": STRANGER}
        return stores[type], {"service_account_json": json.dumps(account)}
    if type == "azure_storage":
        return stores[type], {"account_key": b64encode(b"of another account").decode()}
    return strict, {**strict.credentials, "secret_access_key": "of-somebody-else"}


def body(type: str, name: str, store: Store, bucket: str, credentials: object) -> dict[str, Any]:
    configuration = {**store.configuration(bucket), "flush_seconds": 1}
    return {
        "name": f"{name}-{type}".replace("_", "-"),
        "type": type,
        "configuration": configuration,
        "credentials": credentials,
    }


@pytest.mark.sqlite_only("what a store says is not stored")
async def test_a_connector_in_trouble_says_why_and_goes_on_when_it_is_mended(
    tmp_path: Path, stores: Stores, strict_s3_store: S3Store, gcp_oauth: GcpOAuth
) -> None:
    data_dir = tmp_path / "data"
    gcp_oauth.refused.add(STRANGER)
    homeless: dict[str, str] = {}  # those whose bucket is yet to be made
    strangers: dict[str, str] = {}  # those who are not let in
    buckets: dict[str, tuple[Store, str]] = {}
    async with served(data_dir, gcp_oauth.url) as site:
        for type, store in stores.items():
            bucket = unused_name()
            id = await site.create(body(type, "homeless", store, bucket, store.credentials))
            homeless[type], buckets[id] = id, (store, bucket)
            strict, wrong = refused(type, stores, strict_s3_store)
            bucket = strict.new_bucket()
            id = await site.create(body(type, "stranger", strict, bucket, wrong))
            strangers[type], buckets[id] = id, (strict, bucket)
        store = stores["aws_s3"]
        bucket = store.new_bucket()
        well = await site.create(body("aws_s3", "well", store, bucket, store.credentials))
        buckets[well] = store, bucket

        async with site.chargers() as fleet:
            await charges(fleet)
        await site.delivered([well])
        for ids, wanted in ((homeless, NO_BUCKET), (strangers, NOT_LET_IN)):
            for type, id in ids.items():
                status = await site.until(id, state="error", records_written=0)
                assert re.search(wanted[type], status["last_error"]), status
                assert status["last_error"].endswith(".")
                assert status["lag_records"] > 0

        for id in homeless.values():
            store, bucket = buckets[id]
            store.make(bucket)
        gcp_oauth.refused.clear()
        for type, id in strangers.items():
            if type != "gcp_storage":
                right = {"credentials": buckets[id][0].credentials}
                await site.ok("PUT", f"{site.connectors}/{id}", right)
        await site.delivered(buckets)
    logged = await journal(data_dir, site.tenant)
    for store, bucket in buckets.values():
        assert lines(store.objects(bucket)) == logged
