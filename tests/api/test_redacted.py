"""What the audit keeps of a body: what was asked for, and no secret of it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from api.redacted import LONGEST, differing, redacted
from csms.secrecy import CONCEALED

CANARY = "c4n4ry"


@pytest.mark.parametrize(
    "given",
    [
        {"target_auth_basic_password": CANARY},
        {"basicAuthPassword": CANARY},
        {"credentials": {"aws_secret_access_key": CANARY, "anything": CANARY}},
        {"key": "AuthorizationKey", "value": CANARY},
        {"deep": [{"setVariableData": [{"variable": {"name": "BasicAuthPassword"},
                                        "component": {"name": "SecurityCtrlr"},
                                        "attributeValue": CANARY}]}]},
        {"location": f"ftp://user:{CANARY}@files.example.com/log"},
        {"private_key": CANARY},
        {"certificate": f"-----BEGIN CERTIFICATE-----\n{CANARY}\n-----END CERTIFICATE-----"},
        {"text": f'{{"password":"{CANARY}"}}'},
        [{"api_key": CANARY}],
    ],
)  # fmt: skip
def test_a_secret_is_not_kept(given: Any) -> None:
    told = orjson.dumps(redacted(given)).decode()

    assert CANARY not in told
    assert CONCEALED in told


def test_what_is_no_secret_is_kept_as_it_was_given() -> None:
    given = {"name": "Depot", "chargers": ["CP-1"], "enabled": False, "limit": 1.5, "none": None}

    assert redacted(given) == given


@pytest.mark.parametrize(
    "given",
    [
        {"name": "Depot", "chargers": ["CP-1"] * 5000},
        {f"field{number}": "x" * 100 for number in range(100)},
        {"x" * 5000: 1},
        {"x" * 500 + str(number): 1 for number in range(100)},
        ["x" * 100] * 100,
        "x" * 5000,
        {"much": "x" * 100_000},
    ],
)
def test_what_is_long_is_kept_in_short(given: Any) -> None:
    assert len(orjson.dumps(redacted(given))) <= LONGEST


def test_of_what_is_long_the_short_part_is_kept() -> None:
    assert redacted({"name": "Depot", "chargers": ["CP-1"] * 1000}) == {
        "name": "Depot",
        "chargers": "(7001 bytes)",
    }


def test_what_was_otherwise_is_found_wherever_the_answer_has_it() -> None:
    before = {"success": True, "charger": {"name": "A", "site_id": None, "vendor": "X"}}

    assert differing({"name": "B", "site_id": None, "unknown": 1}, before) == {"name": "A"}
    assert differing({"name": "B"}, {"name": "A"}) == {"name": "A"}
    assert differing(["name"], before) == {}
    assert differing({"name": "B"}, None) == {}
