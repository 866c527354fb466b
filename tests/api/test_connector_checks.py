"""What no data connector can be made of: whoever asks is told the field, at creation and later."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from api.schemas.connector_types import Destination
from storage.sink_options import SinkOptions
from tests.api.conftest import Api
from tests.storage.sinks.doubles import Bucket

pytestmark = pytest.mark.sqlite_only("it is judged before the database is asked")

PAIR = {"access_key_id": "AKIAIOSFODNN7", "secret_access_key": "s3cr3t/canary+"}
TYPES: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any]]] = {
    "aws_s3": ({"bucket": "our-logs", "region": "eu-central-1"}, PAIR),
    "digital_ocean_spaces": ({"bucket": "our-logs", "region": "fra1"}, PAIR),
    "azure_storage": (
        {"storage_account": "ourdepot", "container": "logs"},
        {"account_key": "c2l4dGVlbi1ieXRlcyBvZiBrZXk="},
    ),
}


def connector(type: str = "aws_s3", **more: Any) -> dict[str, Any]:
    """Return a good connector of a type, with other fields in its configuration."""
    configuration, credentials = TYPES[type]
    return {
        "name": "lake",
        "type": type,
        "configuration": {**configuration, **more},
        "credentials": credentials,
    }


def without(type: str, name: str) -> dict[str, Any]:
    body = connector(type)
    del body["configuration"][name]
    return body


def path(api: Api, id: str = "") -> str:
    return f"/api/orgs/{api.organization_uuid}/connectors" + (f"/{id}" if id else "")


async def created(api: Api, body: Mapping[str, Any]) -> Any:
    got = await api("POST", path(api), body)
    assert got.status == 201, got.text
    return got.body["connector"]


GOOD = [
    connector("aws_s3"),
    connector("digital_ocean_spaces", prefix="depot/ocpp=1"),
    connector("azure_storage", flush_seconds=1, flush_bytes=1024, start="earliest"),
    connector(flush_seconds=3600, flush_bytes=64 << 20, hash_id_tags=True, prefix=""),
    connector(region="garage", endpoint_url="https://s3.example.com/a"),
    {**connector(), "enabled": False, "name": "a"},
    {**connector(), "name": "0-" + "z" * 98},
]


async def test_what_can_be(api: Api) -> None:
    for body in GOOD:
        made = await created(api, body)
        assert (await api("PUT", path(api, made["id"]), body)).body["connector"] == made
        await api("DELETE", path(api, made["id"]))


AT = "configuration."
BAD: dict[str, tuple[Any, str | set[str]]] = {
    "nothing": ({}, {"name", "type", "configuration", "credentials"}),
    "a list": ([], "body"),
    "null": (None, {"name", "type", "configuration", "credentials"}),
    "a text": ("connector", "body"),
    "an unknown type": ({**connector(), "type": "hdfs"}, "type"),
    "a type in capitals": ({**connector(), "type": "AWS_S3"}, "type"),
    "a type that is none": ({**connector(), "type": {"aws_s3": 1}}, "type"),
    "null for a type": ({**connector(), "type": None}, "type"),
    "an unknown field": ({**connector(), "id": "mine"}, "id"),
    "no name": ({**connector(), "name": ""}, "name"),
    "null for a name": ({**connector(), "name": None}, "name"),
    "a number for a name": ({**connector(), "name": 7}, "name"),
    "capitals in a name": ({**connector(), "name": "Lake"}, "name"),
    "a blank in a name": ({**connector(), "name": "a lake"}, "name"),
    "an underscore in a name": ({**connector(), "name": "a_lake"}, "name"),
    "a line feed behind a name": ({**connector(), "name": "lake\n"}, "name"),
    "digits of another script": ({**connector(), "name": "\u0661"}, "name"),
    "a long name": ({**connector(), "name": "x" * 101}, "name"),
    "a huge name": ({**connector(), "name": "x" * 500_000}, "name"),
    "text for enabled": ({**connector(), "enabled": "false"}, "enabled"),
    "null for enabled": ({**connector(), "enabled": None}, "enabled"),
    # ---- configuration ----
    "null for a configuration": ({**connector(), "configuration": None}, "configuration"),
    "a list for a configuration": ({**connector(), "configuration": ["a"]}, "configuration"),
    "no bucket": (without("aws_s3", "bucket"), AT + "bucket"),
    "no region": (without("aws_s3", "region"), AT + "region"),
    "no region of Spaces": (without("digital_ocean_spaces", "region"), AT + "region"),
    "no container": (without("azure_storage", "container"), AT + "container"),
    "no account": (without("azure_storage", "storage_account"), AT + "storage_account"),
    "the place of another type": (
        {**connector(), "configuration": TYPES["azure_storage"][0]},
        {AT + "bucket", AT + "region", AT + "container", AT + "storage_account"},
    ),
    "an unknown option": (connector(compression="zstd"), AT + "compression"),
    "null for a bucket": (connector(bucket=None), AT + "bucket"),
    "a list for a bucket": (connector(bucket=["a"]), AT + "bucket"),
    "capitals in a bucket": (connector(bucket="Logs"), AT + "bucket"),
    "a path for a bucket": (connector(bucket="logs/x"), AT + "bucket"),
    "two dots in a bucket": (connector(bucket="a..b"), AT + "bucket"),
    "an address for a bucket": (connector(bucket="192.168.0.1"), AT + "bucket"),
    "a URL for a bucket": (connector(bucket="https://logs.example"), AT + "bucket"),
    "a host in a region": (connector(region="127.0.0.1/?"), AT + "region"),
    "a host behind a region": (connector(region="x@127.0.0.1#"), AT + "region"),
    "a line feed in a region": (connector(region="eu-central-1\n"), AT + "region"),
    "a region of nobody": (connector(region="middle-earth"), AT + "region"),
    "a host in a region of Spaces": (
        connector("digital_ocean_spaces", region="127.0.0.1/?"),
        AT + "region",
    ),
    "AWS's region at Spaces": (
        connector("digital_ocean_spaces", region="eu-central-1"),
        AT + "region",
    ),
    "a host for a region elsewhere": (
        connector(endpoint_url="https://s3.example.com", region="a/../b"),
        AT + "region",
    ),
    "a host in an account": (
        connector("azure_storage", storage_account="127.0.0.1/?"),
        AT + "storage_account",
    ),
    "a domain for an account": (
        connector("azure_storage", storage_account="a.blob.core.windows.net"),
        AT + "storage_account",
    ),
    "capitals in a container": (connector("azure_storage", container="Logs"), AT + "container"),
    "a path for a container": (connector("azure_storage", container="../x"), AT + "container"),
    "a prefix with a slash before it": (connector(prefix="/a"), AT + "prefix"),
    "a prefix that goes up": (connector(prefix="a/../b"), AT + "prefix"),
    "a prefix of ours": (connector(prefix="date=1"), AT + "prefix"),
    "a long prefix": (connector(prefix="x" * 201), AT + "prefix"),
    "null for a prefix": (connector(prefix=None), AT + "prefix"),
    "a flush at once": (connector(flush_seconds=0), AT + "flush_seconds"),
    "a flush in hours": (connector(flush_seconds=3601), AT + "flush_seconds"),
    "half a second": (connector(flush_seconds=0.5), AT + "flush_seconds"),
    "true for seconds": (connector(flush_seconds=True), AT + "flush_seconds"),
    "text for seconds": (connector(flush_seconds="60"), AT + "flush_seconds"),
    "small objects": (connector(flush_bytes=1023), AT + "flush_bytes"),
    "huge objects": (connector(flush_bytes=(64 << 20) + 1), AT + "flush_bytes"),
    "an endless number": (connector(flush_bytes=2**63), AT + "flush_bytes"),
    "another start": (connector(start="yesterday"), AT + "start"),
    "text for a switch": (connector(hash_id_tags="no"), AT + "hash_id_tags"),
    # ---- endpoint_url ----
    "no URL": (connector(endpoint_url="s3.example.com"), AT + "endpoint_url"),
    "an empty URL": (connector(endpoint_url=""), AT + "endpoint_url"),
    "null for a URL": (connector(endpoint_url=None), AT + "endpoint_url"),
    "http": (connector(endpoint_url="http://s3.example.com"), AT + "endpoint_url"),
    "a file": (connector(endpoint_url="file:///etc/passwd"), AT + "endpoint_url"),
    "a private address": (connector(endpoint_url="https://10.0.0.1"), AT + "endpoint_url"),
    "the cloud's own address": (
        connector(endpoint_url="https://169.254.169.254/latest"),
        AT + "endpoint_url",
    ),
    "an address as a number": (connector(endpoint_url="https://2852039166/"), AT + "endpoint_url"),
    "a user in a URL": (
        connector(endpoint_url="https://u:s3cr3t@s3.example.com"),
        AT + "endpoint_url",
    ),
    "a query in a URL": (connector(endpoint_url="https://s3.example.com/?a"), AT + "endpoint_url"),
    "a port of mail": (connector(endpoint_url="https://8.8.8.8:25"), AT + "endpoint_url"),
    # ---- credentials ----
    "null for credentials": ({**connector(), "credentials": None}, "credentials"),
    "text for credentials": ({**connector(), "credentials": "s3cr3t"}, "credentials"),
    "no credentials in it": (
        {**connector(), "credentials": {}},
        {"credentials.access_key_id", "credentials.secret_access_key"},
    ),
    "half a pair": (
        {**connector(), "credentials": {"access_key_id": "AKIA"}},
        "credentials.secret_access_key",
    ),
    "a key too much": (
        {**connector(), "credentials": {**PAIR, "session_token": "s3cr3t"}},
        "credentials.session_token",
    ),
    "a blank in a key id": (
        {**connector(), "credentials": {**PAIR, "access_key_id": "AK IA"}},
        "credentials.access_key_id",
    ),
    "a line feed behind a secret": (
        {**connector(), "credentials": {**PAIR, "secret_access_key": "s3cr3t\n"}},
        "credentials.secret_access_key",
    ),
    "null for a secret": (
        {**connector(), "credentials": {**PAIR, "secret_access_key": None}},
        "credentials.secret_access_key",
    ),
    "a number for a secret": (
        {**connector(), "credentials": {**PAIR, "secret_access_key": 7}},
        "credentials.secret_access_key",
    ),
    "a connection string for an account key": (
        {**connector("azure_storage"), "credentials": {"account_key": "AccountKey=s3cr3t;"}},
        "credentials.account_key",
    ),
}


async def test_what_cannot_be(api: Api, bucket: Bucket) -> None:
    for case, (body, named) in BAD.items():
        got = await api("POST", path(api), body)

        assert got.fields == ({named} if isinstance(named, str) else named), (case, got.text)
        assert "s3cr3t" not in got.text, case
    assert (await api.get(path(api)))["connectors"] == []
    assert bucket.opened == 0


async def test_what_nothing_can_be_changed_to(api: Api) -> None:
    """The same bodies, to a connector of their type."""
    made = {type: await created(api, {**connector(type), "name": type[:3]}) for type in TYPES}
    for case, (body, named) in BAD.items():
        if not body:  # changes nothing
            continue
        type = body.get("type") if isinstance(body, dict) else None
        id = made.get(type if isinstance(type, str) else "", made["aws_s3"])["id"]
        got = await api("PUT", path(api, id), body)

        assert got.fields == ({named} if isinstance(named, str) else named), (case, got.text)
        assert "s3cr3t" not in got.text, case
    assert (await api.get(path(api)))["connectors"] == list(made.values())


def test_the_options_and_their_defaults_are_documented() -> None:
    page = (Path(__file__).parents[2] / "docs/connectors.md").read_text()
    table = page.partition("All types also take these")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", table, re.MULTILINE))

    told = {"": "none", None: "the provider's", False: "false", "now": "`now`"}
    defaults = asdict(SinkOptions())
    assert rows == {name: told.get(default, str(default)) for name, default in defaults.items()}
    assert set(rows) == set(Destination().fields)


# ---- changes ----


async def test_the_type_of_a_connector_cannot_change(api: Api) -> None:
    id = (await created(api, connector()))["id"]
    for body in ({"type": "azure_storage"}, connector("azure_storage")):
        got = await api("PUT", path(api, id), body)
        assert got.fields == {"type"}
        assert got.body["fields"]["type"] == ["The type cannot change; it is aws_s3."]


async def test_a_change_is_judged_by_the_type_that_is_stored(api: Api) -> None:
    id = (await created(api, connector("digital_ocean_spaces")))["id"]
    wrong = {"configuration": {"bucket": "our-logs", "region": "eu-central-1"}}
    elsewhere = {**wrong["configuration"], "endpoint_url": "https://s3.example.com"}

    assert (await api("PUT", path(api, id), wrong)).fields == {"configuration.region"}
    assert (await api("PUT", path(api, id), {"configuration": elsewhere})).status == 200
    # Given as a whole: without the endpoint the region has to be one of the provider's again.
    assert (await api("PUT", path(api, id), wrong)).fields == {"configuration.region"}


# ---- Google ----


def of_google(file: Any, **configuration: Any) -> dict[str, Any]:
    return {
        "name": "lake",
        "type": "gcp_storage",
        "configuration": {"bucket": "our-logs", **configuration},
        "credentials": {"service_account_json": file},
    }


KEY_FILE = "credentials.service_account_json"


async def test_a_key_file_is_taken_as_text_and_as_an_object(
    api: Api, service_account: Mapping[str, str]
) -> None:
    for file in (service_account, json.dumps(service_account, indent=2)):
        made = await created(api, of_google(file))
        stored = await api.storage.sinks.get(api.organization_uuid, made["id"])
        assert stored is not None
        text = stored.credentials["service_account_json"]
        assert json.loads(text) == service_account
        assert text == file or isinstance(file, dict)
        await api("DELETE", path(api, made["id"]))


async def test_what_is_no_key_file(api: Api, service_account: Mapping[str, str]) -> None:
    good = dict(service_account)
    id = (await created(api, of_google(good)))["id"]
    no_key_files: list[Any] = [
        None,
        7,
        [],
        "",
        "s3cr3t",
        "{}",
        {},
        "x" * 20_000,
        {**good, "more": "x" * 20_000},
        {**good, "type": "authorized_user"},
        {**good, "private_key": "s3cr3t"},
        {**good, "private_key": None},
        {**good, "token_uri": "http://127.0.0.1/token"},
        {**good, "universe_domain": "s3cr3t.example"},
        {name: value for name, value in good.items() if name != "client_email"},
    ]
    for wrong in no_key_files:
        for method, where in (("POST", path(api)), ("PUT", path(api, id))):
            got = await api(method, where, of_google(wrong))
            assert got.fields == {KEY_FILE}, (wrong, got.text)
            assert "s3cr3t" not in got.text
            assert "PRIVATE KEY" not in got.text


async def test_all_that_is_out_of_reach_is_told_at_once(api: Api) -> None:
    got = await api("POST", path(api), of_google("{}", endpoint_url="https://10.0.0.1"))

    assert got.fields == {"configuration.endpoint_url", KEY_FILE}


async def test_an_account_of_google_goes_to_no_new_place_unless_it_is_given_again(
    api: Api, service_account: Mapping[str, str]
) -> None:
    """Its tokens are shown to the store as they are; whoever sees one may use it."""
    body = of_google(dict(service_account), endpoint_url="https://store.example.com")
    id = (await created(api, body))["id"]
    there, elsewhere = (
        {"bucket": "more-logs", "endpoint_url": f"https://{host}.example.com"}
        for host in ("store", "thief")
    )

    assert (await api("PUT", path(api, id), {"configuration": there})).status == 200
    got = await api("PUT", path(api, id), {"configuration": elsewhere})
    assert got.fields == {"credentials"}
    again = {"configuration": elsewhere, "credentials": body["credentials"]}
    assert (await api("PUT", path(api, id), again)).status == 200
    assert (
        await api("PUT", path(api, id), {"configuration": {"bucket": "our-logs"}})
    ).status == 200


async def test_a_key_of_azure_goes_to_no_new_place_unless_it_is_given_again(api: Api) -> None:
    """Its signatures say nothing of host and content: another host could use them once more."""
    body = connector("azure_storage", endpoint_url="https://store.example.com")
    id = (await created(api, body))["id"]
    before, credentials = body["configuration"], body["credentials"]

    assert (
        await api("PUT", path(api, id), {"configuration": {**before, "container": "more"}})
    ).status == 200
    for moved in ({"endpoint_url": "https://thief.example.com"}, {"storage_account": "thief"}):
        configuration = {**before, **moved}
        got = await api("PUT", path(api, id), {"configuration": configuration})
        assert got.fields == {"credentials"}
        again = {"configuration": configuration, "credentials": credentials}
        assert (await api("PUT", path(api, id), again)).status == 200
        assert (await api("PUT", path(api, id), {**again, "configuration": before})).status == 200
    # Without one it goes to Azure itself, where the account is whose it was.
    before.pop("endpoint_url")
    assert (await api("PUT", path(api, id), {"configuration": before})).status == 200


async def test_a_signature_of_s3_says_for_which_host_it_is(api: Api) -> None:
    id = (await created(api, connector()))["id"]
    elsewhere = {**connector()["configuration"], "endpoint_url": "https://s3.example.com"}

    assert (await api("PUT", path(api, id), {"configuration": elsewhere})).status == 200
