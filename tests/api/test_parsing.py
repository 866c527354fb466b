"""Bodies: what is no JSON, not declared as JSON, too deep or too large is refused as such."""

from __future__ import annotations

import gc
import gzip
from collections.abc import Iterator

import pytest
from marshmallow import ValidationError

from tests.api.conftest import Api

pytestmark = pytest.mark.one_of_each("many ways to ask the same")


def path(api: Api) -> str:
    return f"{api.organization}/chargers"


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "{'a': 1}",
        '{"a": NaN}',
        '{"a": Infinity}',
        '{"a": 1e400}',
        '{"a": "\\ud800"}',
        b'{"a": "\xff"}',
        b"\xff\xfe{\x00}\x00",
        '{"a": ' + "[" * 33 + "]" * 33 + "}",
        "[" * 5000 + "]" * 5000,
    ],
    ids=repr,
)
async def test_what_is_no_json_is_a_400(api: Api, text: str | bytes) -> None:
    assert (await api("POST", path(api), text=text)).error == (400, "invalid_json")


@pytest.mark.parametrize("text", ["[]", "null", "7", '"CP-1"', "true"])
async def test_json_that_is_no_object_is_a_422(api: Api, text: str) -> None:
    assert (await api("POST", path(api), text=text)).fields == {"body"}


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_a_body_of_another_kind_is_a_415(api: Api, kind: str) -> None:
    headers = {"x-api-key": api.key, "Content-Type": kind}
    got = await api("POST", path(api), text='{"charge_box_id": "CP-1"}', headers=headers)

    assert got.error == (415, "unsupported_media_type")


async def test_without_a_body_it_is_the_fields_that_are_missing(api: Api) -> None:
    headers = {"x-api-key": api.key, "Content-Type": "text/plain"}

    assert (await api("POST", path(api), headers=headers)).fields == {"charge_box_id"}


async def test_json_with_a_suffix_or_a_charset_is_json(api: Api) -> None:
    headers = {"x-api-key": api.key, "Content-Type": "application/json; charset=utf-8"}
    got = await api("POST", path(api), text='{"charge_box_id": "CP-1"}', headers=headers)

    assert got.status == 201


async def test_a_body_of_a_mebibyte_is_the_largest(api: Api) -> None:
    body = '{"charge_box_id": "CP-1"}'

    assert (await api("POST", path(api), text=body.ljust(1 << 20))).status == 201
    larger = await api("POST", path(api), text=body.ljust((1 << 20) + 1))
    assert larger.error == (413, "too_large")


async def test_a_compressed_bomb_is_too_large(api: Api) -> None:
    headers = {"x-api-key": api.key, "Content-Encoding": "gzip"}
    bomb = gzip.compress(bytes(64 << 20))

    assert (await api("POST", path(api), text=bomb, headers=headers)).error == (413, "too_large")


async def test_a_body_that_is_not_compressed_as_it_says_is_a_400(api: Api) -> None:
    headers = {"x-api-key": api.key, "Content-Encoding": "gzip"}

    assert (await api("POST", path(api), text="{}", headers=headers)).error == (400, "bad_request")


async def test_every_wrong_field_is_named(api: Api) -> None:
    body = {"charge_box_id": 7, "charger_name": True, "allowed_versions": ["1.5"], "colour": "red"}
    got = await api("POST", path(api), body)

    assert got.fields == {"charge_box_id", "charger_name", "allowed_versions.0", "colour"}
    assert got.body["fields"]["colour"] == ["Unknown field."]


async def test_a_body_of_ten_thousand_values_is_the_longest(api: Api) -> None:
    longest = {"charge_box_id": "CP-1", **{f"{n}": n for n in range(9_999)}}

    assert len((await api("POST", path(api), longest)).fields) == 100
    longer = await api("POST", path(api), {**longest, "one": "more"})
    assert longer.fields == {"body"}


async def test_what_is_too_much_of_a_body_is_named(api: Api) -> None:
    periods = [{"startPeriod": n, "limit": 6} for n in range(10_000)]
    inside = {"chargingSchedule": [{"chargingSchedulePeriod": periods}]}
    for most in (10_000, 4_000):
        inside["chargingSchedule"][0]["chargingSchedulePeriod"] = periods[:most]
        got = await api("POST", path(api), {"name": [1], "chargingProfile": inside})

        assert got.fields == {"chargingProfile.chargingSchedule.0.chargingSchedulePeriod"}
        assert "more than 10000 values" in got.body["message"]


async def test_a_query_is_checked_too(api: Api) -> None:
    assert (await api("GET", f"{path(api)}?limit=0")).fields == {"limit"}
    assert (await api("GET", f"{path(api)}?cursor=x")).fields == {"cursor"}


@pytest.fixture
def uncollected() -> Iterator[None]:
    """Let what refers to itself live on."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize(
    ("where", "body"),
    [
        ("/api/v1/organizations/{}/chargers", {"charge_box_id": {}}),
        (
            "/api/orgs/{}/connectors",
            {"name": "x", "type": "aws_s3", "configuration": {"bucket": 1}},
        ),
    ],
    ids=["flat", "nested"],
)
async def test_a_body_that_was_refused_is_let_go_of_at_once(
    api: Api, where: str, body: object
) -> None:
    got = await api("POST", where.format(api.organization_uuid), body)
    held = [one for one in gc.get_objects() if isinstance(one, ValidationError)]

    assert got.status == 422
    assert held == []
