"""S-15: another site cannot write with somebody's cookie, and no other origin may read answers."""

from __future__ import annotations

import re

import aiohttp
import pytest

from api.app import ALL
from api.routing import ORGANIZATIONS
from tests.api.conftest import DOCUMENT, Api
from tests.kratos import COOKIE, People

pytestmark = pytest.mark.sqlite_only("about heads of requests")

WRITES = [operation for operation in ALL if operation.scope and operation.method != "GET"]
EVIL = {"Origin": "https://evil.example"}
JSON = {"Content-Type": "application/json"}


def path_of(path: str, api: Api) -> str:
    values = {**dict.fromkeys(ORGANIZATIONS, api.organization_uuid), "Action": "Reset"}
    return re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], "1"), path)


async def test_a_form_of_another_site_enrols_nothing(api: Api, people: People) -> None:
    member = await people.member()
    path = f"{api.organization}/chargers"
    body = '{"charge_box_id": "CP-1"}'
    # What browsers send for <form enctype="text/plain"> and fetch(…, {mode: "no-cors"}).
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        for origin in (EVIL, {"Origin": "null"}, {}):
            headers = {**origin, "Content-Type": kind}
            got = await member.browser("POST", path, text=body, headers=headers)
            assert got.error == (403, "forbidden")
    assert (await api.get(path))["chargers"] == []


@pytest.mark.parametrize(
    ("headers", "refusal"),
    [
        ({**EVIL, **JSON}, (403, "forbidden")),
        (JSON, (403, "forbidden")),
        ({"Referer": "https://evil.example/", **JSON}, (403, "forbidden")),
        ({"Origin": "https://ours.example"}, (415, "unsupported_media_type")),
    ],
    ids=["another site", "nowhere", "a link", "no JSON"],
)
async def test_every_write_with_a_cookie_needs_our_own_page_and_json(
    api: Api, people: People, headers: dict[str, str], refusal: tuple[int, str]
) -> None:
    """Generated from the operations, so that a new one is covered by itself."""
    member = await people.member()
    for operation in WRITES:
        got = await member.browser(operation.method, path_of(operation.path, api), headers=headers)
        assert got.error == refusal, operation.name


@pytest.mark.parametrize("page", ["Origin", "Referer"])
async def test_our_own_pages_write(api: Api, people: People, page: str) -> None:
    member = await people.member()
    path = f"{api.organization}/chargers"
    behind_tls = people.api.base.replace("http:", "https:")
    for number, ours in enumerate((behind_tls, "https://ours.example")):
        said = {page: ours if page == "Origin" else f"{ours}/console"}
        body = {"charge_box_id": f"CP-{number}"}
        assert (await member.browser("POST", path, body, headers=said)).status == 201
        got = await member.browser("DELETE", f"{path}/CP-{number}", headers={**said, **JSON})
        assert got.status == 200
    # In clear, where browsers reach us by TLS, anybody between may have written the page.
    said = {page: people.api.base}
    refused = await member.browser("POST", path, {"charge_box_id": "CP-9"}, headers=said)
    assert refused.error == (403, "forbidden")


async def test_a_token_is_not_sent_by_browsers_and_writes_from_anywhere(
    api: Api, people: People
) -> None:
    member = await people.member()

    body = {"charge_box_id": "CP-1"}
    got = await member("POST", f"{api.organization}/chargers", body, headers=EVIL)

    assert got.status == 201


async def test_no_other_origin_may_read_or_ask_for_more(api: Api, people: People) -> None:
    """Of every path of the document: no header of CORS, to whomever."""
    member = await people.member()
    asking = {**EVIL, "Access-Control-Request-Method": "POST"}
    cookie = {"Cookie": f"{COOKIE}={member.token}"}
    for path in DOCUMENT["paths"]:
        url = f"{people.api.base}{path_of(path, api)}"
        for method, headers in (("OPTIONS", asking), ("GET", {**EVIL, **cookie})):
            async with people.api.session.request(method, url, headers=headers) as answer:
                assert cors(answer) == [], (method, path)
                if method == "OPTIONS":
                    assert answer.status == 405, path


def cors(answer: aiohttp.ClientResponse) -> list[str]:
    return [name for name in answer.headers if name.lower().startswith("access-control-")]
