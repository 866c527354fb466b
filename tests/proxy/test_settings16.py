"""A 1.6 target reads and sets keys: its link's, shared ones, the charger's, and none of ours."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from csms.errors import CallRefused
from csms.schemas import Schemas
from tests.proxy.stage import Device, Stage, Target, refuses, says

BASIC = {
    "target_authentication_method": "Basic",
    "target_auth_basic_password": "the-first-password",
}
ACCEPTED, REJECTED = {"status": "Accepted"}, {"status": "Rejected"}


async def changes(target: Target, key: str, value: str) -> Any:
    asked = orjson.dumps({"key": key, "value": value})
    answer = (await target.link.call("ChangeConfiguration", asked)).fields
    assert Schemas("1.6").response("ChangeConfiguration", answer) is None
    return answer


async def reads(target: Target, *names: str) -> Any:
    answer = (await target.link.call("GetConfiguration", orjson.dumps({"key": names}))).fields
    assert Schemas("1.6").response("GetConfiguration", answer) is None
    return answer


def entry(key: str, value: str) -> dict[str, Any]:
    return {"key": key, "readonly": False, "value": value}


def has(charger: Device, *entries: dict[str, Any]) -> None:
    """Let the charger tell these keys, whatever it is asked."""
    charger.answers["GetConfiguration"] = says({"configurationKey": entries})


# ---- the target link's password ----


@pytest.mark.parametrize(
    ("value", "password"),
    [
        ("a-password-of-20-chr", "a-password-of-20-chr"),
        ("exactly-16-chars", "exactly-16-chars"),
        ("31" * 20, "1" * 20),
        ("FF00" * 10, b"\xff\x00".decode(errors="surrogateescape") * 10),
        ("FF00" * 8, b"\xff\x00".decode(errors="surrogateescape") * 8),
    ],
)
async def test_a_password_that_the_target_sets_is_its_link_s_from_then_on(
    stage: Stage, target: Target, value: str, password: str
) -> None:
    key = await stage.enrol(target.url, **BASIC)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")

        assert await changes(target, "authorizationkey", value) == ACCEPTED
        assert (await stage.configuration(key)).target_auth_basic_password == password
        (noted,) = await stage.storage.audit.list(key.organization_uuid)
    assert charger.heard == []
    assert (noted.result, noted.details) == ("intercepted", {"keys": ["authorizationkey"]})


async def test_the_new_password_holds_from_the_next_dial(stage: Stage, target: Target) -> None:
    key = await stage.enrol(target.url, target_auth_basic_username="me", **BASIC)
    async with stage.charger(key):
        await stage.reaches(key, "ready")
        await changes(target, "AuthorizationKey", "3aff" * 10)
        assert len(target.requests) == 1
        await target.hang_up()
        await target.hears("BootNotification", 2)

    assert (
        target.requests[-1].headers["Authorization"]
        == "Basic bWU6" + "Ov86/zr/Ov86/zr/Ov86/zr/Ov8="
    )


@pytest.mark.parametrize(
    "value", ["", "too-short", "x" * 21, "zz" * 20, "with-a\u0000nul-inside", "é" * 12, "31" * 21]
)
async def test_a_password_of_another_form_is_rejected(
    stage: Stage, target: Target, value: str
) -> None:
    key = await stage.enrol(target.url, **BASIC)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")

        assert await changes(target, "AuthorizationKey", value) == REJECTED
        stored = await stage.configuration(key)
    assert stored.target_auth_basic_password == "the-first-password"
    assert charger.heard == []


async def test_a_target_without_a_password_sets_none(stage: Stage, target: Target) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")

        assert await changes(target, "AuthorizationKey", "31" * 20) == REJECTED
        assert (await stage.configuration(key)).target_auth_basic_password is None
    assert charger.heard == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SecurityProfile", "000000"),
        ("CpoName", "Evil"),
        ("VendorServerURL", "evil.example"),
        ("Vendor", "wss://evil.example"),
        ("Authorization Key", "31" * 20),
        ("AuthorizationKey ", "31" * 20),
        ("AuthorizationKey\u0000", "31" * 20),
        ("MeterValuesSampledData", "ws://evil.example"),
    ],
)
async def test_a_key_of_the_charger_s_own_link_is_rejected_and_audited(
    stage: Stage, target: Target, name: str, value: str
) -> None:
    key = await stage.enrol(
        target.url, policy={"actions": {"ChangeConfiguration": "forward"}}, **BASIC
    )
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")

        assert await changes(target, name, value) == REJECTED
        (noted,) = await stage.storage.audit.list(key.organization_uuid)
    assert charger.heard == []
    assert (noted.action, noted.result) == ("ChangeConfiguration", "denied")
    assert noted.details["keys"] == [name.replace("\0", "")]
    assert value not in str(noted)


# ---- keys of the target's link ----


async def test_a_key_of_its_link_is_the_target_s_own(stage: Stage, target: Target) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")

        assert await changes(target, "heartbeatINTERVAL", " 60 ") == ACCEPTED
        assert await changes(target, "TransactionMessageAttempts", "5") == ACCEPTED
        assert await reads(target, "HeartbeatInterval", "TransactionMessageAttempts") == {
            "configurationKey": [
                entry("HeartbeatInterval", "60"),
                entry("TransactionMessageAttempts", "5"),
            ]
        }
        noted = await stage.storage.audit.list(key.organization_uuid)
    assert charger.heard == []
    assert [(one.result, one.details["value"]) for one in noted] == [
        ("overlaid", 5),
        ("overlaid", 60),
    ]


@pytest.mark.parametrize("value", ["", "-1", "0", "6e1", "60.0", "soon", "86401", "9" * 30, "٦٠"])
async def test_a_key_of_its_link_is_a_number_within_bounds(
    stage: Stage, target: Target, value: str
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        await stage.reaches(key, "ready")

        assert await changes(target, "HeartbeatInterval", value) == REJECTED
        assert await reads(target, "HeartbeatInterval") == {
            "configurationKey": [entry("HeartbeatInterval", "300")]
        }
    assert charger.heard == []


async def test_what_is_read_of_both_is_one_answer(stage: Stage, target: Target) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        has(charger, entry("LightIntensity", "50"))
        await stage.reaches(key, "ready")
        await changes(target, "HeartbeatInterval", "60")

        answer = await reads(target, "HeartbeatInterval", "LightIntensity")

    assert charger.payloads("GetConfiguration") == [{"key": ["LightIntensity"]}]
    assert answer == {
        "configurationKey": [entry("LightIntensity", "50"), entry("HeartbeatInterval", "60")]
    }


async def test_among_all_keys_the_target_sees_its_own_and_no_secret(
    stage: Stage, target: Target
) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        has(
            charger,
            entry("HeartbeatInterval", "900"),
            entry("AuthorizationKey", "s3cret"),
            entry("LightIntensity", "50"),
        )
        await stage.reaches(key, "ready")
        await changes(target, "HeartbeatInterval", "60")
        answer = await target.link.call("GetConfiguration", b"{}")

    assert answer.fields == {
        "configurationKey": [
            entry("HeartbeatInterval", "60"),
            {"key": "AuthorizationKey", "readonly": False},
            entry("LightIntensity", "50"),
        ]
    }


async def test_keys_of_the_charger_pass_byte_for_byte(stage: Stage, target: Target) -> None:
    asked, told = b'{"key" : ["A"], "x": 1e3}', b'{ "unknownKey":["A"], "y": 6.0}'
    changed, taken = b'{"value": "1", "key": "LightIntensity" }', b'{"status" :"RebootRequired"}'
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        charger.answers |= {"GetConfiguration": says(told), "ChangeConfiguration": says(taken)}
        await stage.reaches(key, "ready")
        answers = [
            (await target.link.call("GetConfiguration", asked)).payload,
            (await target.link.call("ChangeConfiguration", changed)).payload,
        ]

    assert answers == [told, taken]
    assert [call.payload for call in charger.heard] == [asked, changed]


# ---- shared keys ----

INTERVAL = "MeterValueSampleInterval"


async def test_alone_a_target_sets_metering_as_it_likes(stage: Stage, target: Target) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        charger.answers["ChangeConfiguration"] = says(ACCEPTED)
        await stage.reaches(key, "ready")
        for value in ("60", "900", "0"):
            assert await changes(target, INTERVAL, value) == ACCEPTED

    told = [fields["value"] for fields in charger.payloads("ChangeConfiguration")]
    assert told == ["60", "900", "0"]


async def test_nobody_gets_coarser_values_than_it_asked_for(stage: Stage, target: Target) -> None:
    key = await stage.enrol(target.url)
    stage.storage.overlays.note_shared(key, 0, INTERVAL, "60")
    stage.storage.overlays.note_shared(key, 0, "MeterValuesSampledData", "Voltage,SoC")
    async with stage.charger(key) as charger:
        charger.answers["ChangeConfiguration"] = says(ACCEPTED)
        has(charger, entry("metervaluesampleinterval", "60"), entry("Other", "1"))
        await stage.reaches(key, "ready")
        for value in ("900", "0", "10", "900"):
            assert await changes(target, INTERVAL, value) == ACCEPTED
        assert await changes(target, "MeterValuesSampledData", "SoC, Power.Offered") == ACCEPTED
        answer = await reads(target, INTERVAL)

    told = [fields["value"] for fields in charger.payloads("ChangeConfiguration")]
    assert told == ["10", "60", "Voltage,SoC,Power.Offered"]
    assert answer["configurationKey"] == [
        entry("metervaluesampleinterval", "900"),
        entry("Other", "1"),
    ]


async def test_a_wish_that_the_charger_rejects_is_no_wish(stage: Stage, target: Target) -> None:
    key = await stage.enrol(target.url)
    async with stage.charger(key) as charger:
        charger.answers["ChangeConfiguration"] = says(REJECTED)
        await stage.reaches(key, "ready")

        assert await changes(target, INTERVAL, "1") == REJECTED
        charger.answers["ChangeConfiguration"] = refuses("InternalError")
        with pytest.raises(CallRefused):
            await changes(target, INTERVAL, "1")
        assert await changes(target, INTERVAL, "often") == REJECTED
        assert await stage.storage.overlays.shared(key) == {}
    assert len(charger.heard) == 2
