"""Client certificates from their first to their last day, and their keys never seen again."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.api.conftest import PROXY, Answer, Api
from tests.certificates import Issued, key_of, key_pem, signed


def base(api: Api) -> str:
    return f"{api.organization}/client_certificates"


def made(api: Api, name: str = "Depot", days: float = 365) -> Issued:
    lasting = timedelta(days=days)
    chain = signed(name, since=api.clock.now(), begins=timedelta(days=-400), ends=lasting)
    return Issued(chain, key_pem(key_of(name)))


async def posted(api: Api, issued: Issued, **more: Any) -> Answer:
    body = {"certificate_chain": issued.chain, "private_key": issued.key, **more}
    return await api("POST", base(api), body)


async def created(api: Api, name: str = "Depot", days: float = 365) -> Any:
    got = await posted(api, made(api, name, days))
    assert got.status == 201, got.text
    return got.body["client_certificate"]


async def test_one_is_described_and_its_key_sealed(api: Api) -> None:
    issued = made(api)
    got = await posted(api, issued, name="For Main_CSMS")
    told = got.body["client_certificate"]

    assert got.status == 201
    assert list(got.body) == ["success", "message", "client_certificate"]
    assert got.body["message"] == "Client certificate created successfully"
    assert {name: told[name] for name in ("name", "subject", "not_after", "warning")} == {
        "name": "For Main_CSMS",
        "subject": "CN=Depot",
        "not_after": "2027-11-21T10:00:00.000Z",
        "warning": None,
    }
    assert len(told["sha256"]) == 64
    stored = await api.storage.client_certificates.get(api.organization_uuid, told["id"])
    assert stored is not None
    assert stored.private_key == issued.key


async def test_without_a_name_the_subject_names_it(api: Api) -> None:
    assert (await created(api))["name"] == "CN=Depot"


async def test_the_key_never_comes_back(api: Api) -> None:
    issued = made(api)
    with capture_logs() as logs:
        first = await posted(api, issued)
        one = f"{base(api)}/{first.body['client_certificate']['id']}"
        answers = [
            first,
            await api("GET", base(api)),
            await api("GET", one),
            await posted(api, Issued(made(api, "Other").chain, issued.key)),
            await posted(api, Issued(issued.chain, issued.key[:-40])),
            await api("DELETE", one),
        ]

    middle = issued.key.splitlines()[1]
    for told in (*(answer.text for answer in answers), json.dumps(logs, default=str)):
        assert "PRIVATE KEY" not in told
        assert middle not in told


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"certificate_chain": None}, "certificate_chain"),
        ({"certificate_chain": ""}, "certificate_chain"),
        ({"certificate_chain": "not PEM"}, "certificate_chain"),
        ({"certificate_chain": "x" * 65_537}, "certificate_chain"),
        ({"private_key": None}, "private_key"),
        ({"private_key": "not PEM"}, "private_key"),
        ({"private_key": "x" * 8193}, "private_key"),
        ({"private_key": 7}, "private_key"),
        ({"name": "x" * 101}, "name"),
        ({"password": "x"}, "password"),
    ],
)
async def test_what_cannot_be_used_is_named(api: Api, change: Any, field: str) -> None:
    assert (await posted(api, made(api), **change)).fields == {field}
    assert (await api.get(base(api)))["client_certificates"] == []


async def test_an_expired_one_is_refused(api: Api) -> None:
    got = await posted(api, made(api, days=-1))

    assert got.fields == {"certificate_chain"}
    assert "expired" in got.text


async def test_the_key_of_another_is_refused(api: Api) -> None:
    got = await posted(api, Issued(made(api).chain, made(api, "Other").key))

    assert got.fields == {"private_key"}


async def test_its_end_is_announced(api: Api) -> None:
    one = await created(api, days=40)
    api.clock.forward(days=33)

    shown = (await api.get(f"{base(api)}/{one['id']}"))["client_certificate"]
    assert shown["warning"] == "The client certificate expires in 7 days."


async def test_they_are_listed_page_by_page(api: Api) -> None:
    ids = [(await created(api, name))["id"] for name in ("A", "B", "C")]
    first = await api.get(f"{base(api)}?limit=2")
    rest = await api.get(f"{base(api)}?limit=2&cursor={first['next_cursor']}")

    listed = first["client_certificates"] + rest["client_certificates"]
    assert [each["id"] for each in listed] == sorted(ids)
    assert rest["next_cursor"] is None


async def test_a_deleted_one_is_gone(api: Api) -> None:
    one = f"{base(api)}/{(await created(api))['id']}"

    got = await api("DELETE", one)
    assert got.body == {"success": True, "message": "Client certificate deleted successfully"}
    for method in ("GET", "DELETE"):
        assert (await api(method, one)).error == (404, "not_found")


async def test_another_organizations_is_not_found(api: Api) -> None:
    theirs = await api.neighbour()
    one = (await created(theirs))["id"]

    missing = await api("GET", f"{base(api)}/unknown")
    for method in ("GET", "DELETE"):
        got = await api(method, f"{base(api)}/{one}")
        assert (got.error, got.text) == ((404, "not_found"), missing.text)
    assert (await api.get(base(api)))["client_certificates"] == []
    assert len((await theirs.get(base(theirs)))["client_certificates"]) == 1


@pytest.mark.parametrize("scope", ["read", "operate"])
async def test_they_are_for_admins(api: Api, scope: Any) -> None:
    one = (await created(api))["id"]
    lesser = await api.with_scope(scope)

    assert (await posted(lesser, made(api))).error == (403, "forbidden")
    for method, path in (("GET", ""), ("GET", f"/{one}"), ("DELETE", f"/{one}")):
        assert (await lesser(method, base(api) + path)).error == (403, "forbidden")


# ---- in use ----


def using(id: str, **more: Any) -> dict[str, Any]:
    method = {"target_authentication_method": "ClientCertificate"}
    return {**PROXY, **method, "target_auth_client_cert_id": id, **more}


async def test_a_configuration_uses_one(api: Api) -> None:
    one = (await created(api))["id"]
    body = await api.enrol_with_proxy(**using(one))
    path = f"{api.organization}/proxy_configurations/{body['proxy_configuration']['id']}"

    shown = (await api.get(path))["proxy_configuration"]
    assert shown["target_authentication_method"] == "ClientCertificate"
    assert shown["target_auth_client_cert_id"] == one
    assert (await api("DELETE", f"{base(api)}/{one}")).error == (409, "conflict")

    none = {"target_authentication_method": "None"}
    changed = (await api("PATCH", path, none)).body["proxy_configuration"]
    assert changed["target_auth_client_cert_id"] is None
    assert (await api("DELETE", f"{base(api)}/{one}")).status == 200


async def test_it_takes_the_place_of_a_password(api: Api) -> None:
    one = (await created(api))["id"]
    basic = {"target_authentication_method": "Basic", "target_auth_basic_password": "secret"}
    id = (await api.enrol_with_proxy(**basic))["proxy_configuration"]["id"]
    change = {name: using(one)[name] for name in using(one) if name not in PROXY}
    change["target_authentication_method"] = "ClientCertificate"

    got = await api("PATCH", f"{api.organization}/proxy_configurations/{id}", change)
    assert got.status == 200
    stored = await api.storage.proxy_configurations.get(api.organization_uuid, id)
    assert stored is not None
    assert stored.target_auth_basic_password is None
    assert stored.target_auth_client_cert_id == one


async def test_only_the_organizations_own_can_be_used(api: Api) -> None:
    theirs = (await created(await api.neighbour()))["id"]
    await api.enrol()
    path = f"{api.organization}/proxy_configurations"

    for id in (theirs, "unknown", None):
        got = await api("POST", path, {"charge_box_id": "CP-1", **using(id or "")})
        assert got.fields == {"target_auth_client_cert_id"}


async def test_it_needs_tls(api: Api) -> None:
    one = (await created(api))["id"]
    insecure = {"charge_box_id": "CP-1", **using(one, target_websocket_url="ws://x.example/")}

    got = await api("POST", f"{api.organization}/chargers/enroll-with-proxy", insecure)
    assert got.fields == {"target_websocket_url"}


async def test_one_that_is_deleted_while_a_configuration_takes_it_is_either_kept_or_refused(
    api: Api,
) -> None:
    one = (await created(api))["id"]
    enrol = api(
        "POST",
        f"{api.organization}/chargers/enroll-with-proxy",
        {"charge_box_id": "CP-1", **using(one)},
    )
    enrolled, deleted = await asyncio.gather(enrol, api("DELETE", f"{base(api)}/{one}"))

    assert (enrolled.status, deleted.status) in {(200, 409), (422, 200)}
