"""Connection details from what is posted to what is shown, and all that is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest
from structlog.testing import capture_logs

from storage.records import Scope
from tests.api.conftest import Answer, Api, HandClock
from tests.certificates import DAY, authority, issued, key_of, key_pem, signed

URL = "websocketConnectionArgs.url"
PEM = "websocketConnectionArgs.caCertificate"
DOMAIN = "websocketConnectionArgs.caCertificateDomain"
HOST = "your-ocpp-server.com"
PASSWORD = "a-password-of-theirs"
UNHEARD_OF = "00000000-0000-4000-8000-999999999999"


@cache
def root() -> str:
    """Return an authority as it is often pasted, without a line feed at its end."""
    return signed("Root", by="Root", ca=True, since=HandClock().now(), ends=3650 * DAY).strip()


def arguments(**other: Any) -> dict[str, Any]:
    given = {"url": f"wss://{HOST}/ocpp", "caCertificate": root(), "caCertificateDomain": HOST}
    return {**given, **other}


def details(**other: Any) -> dict[str, Any]:
    return {
        "connectivityMode": "DualProtocol",
        "websocketConnectionArgs": arguments(),
        "basicAuthPassword": PASSWORD,
        **other,
    }


def of_operator(api: Api, query: str = "") -> str:
    return f"/local-ocpp/v1/operators/{api.organization_uuid}/connection-details{query}"


def of_charger(api: Api, serial_number: str = "EH1") -> str:
    return f"{of_operator(api)}/{serial_number}"


def of_own_charger(_: Api, serial_number: str = "EH1") -> str:
    return f"/local-ocpp/v1/connection-details/{serial_number}"


async def stored(api: Api, path: str, body: Any) -> str:
    """Store details and return their version."""
    got = await api("POST", path, body)
    assert got.status == 200, got.text
    assert list(got.body) == ["version"]
    version: str = got.body["version"]
    return version


# ---- what is stored is shown ----


async def test_of_an_operator(api: Api) -> None:
    posted = details(applyToNewDevices=True)
    version = await stored(api, of_operator(api), posted)

    assert await api.get(of_operator(api)) == {**posted, "version": version}
    kept = await api.storage.connection_details.get(api.organization_uuid, version)
    assert kept is not None
    assert (kept.serial_number, kept.created_at) == (None, api.clock.now())
    caller = await api.storage.api_keys.find(api.key)
    assert caller is not None
    assert kept.created_by == caller.key_id


@pytest.mark.parametrize("path", [of_charger, of_own_charger])
async def test_of_a_charger_that_nobody_has_seen_yet(api: Api, path: Any) -> None:
    posted = details(chargePointId="CSMS-ID-555")
    version = await stored(api, path(api), posted)

    for each in (of_charger(api), of_own_charger(api)):
        assert await api.get(each) == {**posted, "version": version}


async def test_what_is_left_out_is_told_as_it_is_used(api: Api) -> None:
    off = {"connectivityMode": "OcppOff"}
    nothing = {"websocketConnectionArgs": None, "basicAuthPassword": None}
    first = await stored(api, of_operator(api), off)
    second = await stored(api, of_charger(api), off)

    told = {**off, **nothing, "version": first, "applyToNewDevices": False}
    assert await api.get(of_operator(api)) == told
    told = {**off, **nothing, "version": second, "chargePointId": "EH1"}
    assert await api.get(of_charger(api)) == told


@pytest.mark.parametrize("path", [of_operator, of_charger])
async def test_the_latest_is_shown_or_the_one_that_is_named(api: Api, path: Any) -> None:
    passwords = ["one", "two", "three"]
    versions = [await stored(api, path(api), details(basicAuthPassword=each)) for each in passwords]

    assert len(set(versions)) == 3
    assert (await api.get(path(api)))["basicAuthPassword"] == "three"
    for version, password in zip(versions, passwords, strict=True):
        shown = await api.get(f"{path(api)}?version={version}")
        assert (shown["version"], shown["basicAuthPassword"]) == (version, password)


async def test_the_same_once_more_is_another_version(api: Api) -> None:
    first = await stored(api, of_operator(api), details())

    assert await stored(api, of_operator(api), details()) != first


@pytest.mark.parametrize("path", [of_operator, of_charger])
async def test_what_is_shown_can_be_stored_with_another_mode(api: Api, path: Any) -> None:
    await stored(api, path(api), details())
    shown = await api.get(path(api))
    version = await stored(api, path(api), {**shown, "connectivityMode": "OcppOff"})

    assert await api.get(path(api)) == {
        **shown,
        "connectivityMode": "OcppOff",
        "version": version,
    }


async def test_switching_off_needs_no_authority_that_is_still_valid(api: Api) -> None:
    body = details()
    api.clock.forward(days=4000)

    assert (await api("POST", of_operator(api), body)).fields == {PEM}
    await stored(api, of_operator(api), {**body, "connectivityMode": "OcppOff"})


async def test_a_version_in_the_query_of_a_post_is_passed_over(api: Api) -> None:
    first = await stored(api, of_operator(api), details())

    assert await stored(api, of_operator(api, f"?version={first}"), details()) != first
    await stored(api, of_operator(api, "?version="), details())


async def test_the_published_sample_may_have_its_comments(api: Api) -> None:
    text = json.dumps(details(), indent=2).replace(
        f'"{PASSWORD}"', f'"{PASSWORD}" // Optional, see https://example.com'
    )
    got = await api("POST", of_operator(api), text=text)

    assert got.status == 200, got.text
    assert (await api.get(of_operator(api)))["basicAuthPassword"] == PASSWORD


async def test_an_authority_is_kept_without_what_stands_beside_it(api: Api) -> None:
    pem = f"# ours\n{root()}\nremember to renew"
    args = arguments(caCertificate=pem)
    await stored(api, of_operator(api), details(websocketConnectionArgs=args))

    shown = await api.get(of_operator(api))
    assert shown["websocketConnectionArgs"]["caCertificate"] == root() + "\n"


# ---- whose they are ----


async def test_a_charger_is_found_by_both_of_its_names(api: Api) -> None:
    await api.enrol("CP-1", serial_number="EH1")
    first = await stored(api, of_charger(api, "CP-1"), details())
    for name in ("CP-1", "EH1"):
        shown = await api.get(of_charger(api, name))
        assert (shown["version"], shown["chargePointId"]) == (first, "EH1")

    second = await stored(api, of_charger(api, "EH1"), details())
    for name in ("CP-1", "EH1"):
        assert (await api.get(of_charger(api, name)))["version"] == second
        assert (await api.get(f"{of_charger(api, name)}?version={first}"))["version"] == first


async def test_without_a_serial_number_a_charger_goes_by_its_charge_box_id(api: Api) -> None:
    await api.enrol("CP-1")
    await stored(api, of_charger(api, "CP-1"), details())

    assert (await api.get(of_charger(api, "CP-1")))["chargePointId"] == "CP-1"


async def test_a_serial_number_of_several_leads_to_none_of_them(api: Api) -> None:
    for name in ("CP-1", "CP-2"):
        await api.enrol(name, serial_number="EH1")
    await stored(api, of_charger(api, "CP-1"), details())

    assert (await api("GET", of_charger(api, "EH1"))).error == (404, "not_found")
    version = await stored(api, of_charger(api, "EH1"), details())
    assert (await api.get(of_charger(api, "EH1")))["version"] == version


async def test_what_is_not_stored_here_is_not_found(api: Api) -> None:
    await api.enrol("CP-1", serial_number="EH1")
    for path in (of_operator(api), of_charger(api), of_own_charger(api)):
        got = await api("GET", path)
        assert got.error == (404, "not_found")
        assert got.body["message"] == "No connection details are stored here yet."

    default = await stored(api, of_operator(api), details())
    own = await stored(api, of_charger(api), details())
    for path in (
        of_operator(api, f"?version={own}"),
        of_charger(api) + f"?version={default}",
        of_charger(api, "EH2") + f"?version={own}",
        of_operator(api, f"?version={UNHEARD_OF}"),
        of_own_charger(api) + "?version=x%20y",
        of_own_charger(api) + "?version=%F0%9F%94%8C",
    ):
        got = await api("GET", path)
        assert got.error == (404, "not_found")
        assert got.body["message"] == "There are no connection details of this version here."
        assert set(got.body["fields"]) == {"version"}


async def test_another_operators_are_not_found(api: Api) -> None:
    theirs = await api.neighbour()
    version = await stored(theirs, of_operator(theirs), details())
    await stored(theirs, of_charger(theirs), details())

    for method, path in (
        ("GET", of_operator(theirs)),
        ("POST", of_operator(theirs)),
        ("GET", of_charger(theirs)),
        ("POST", of_charger(theirs)),
        ("GET", of_operator(api, f"?version={version}")),
        ("GET", of_own_charger(api)),
    ):
        body = details() if method == "POST" else None
        assert (await api(method, path, body)).error == (404, "not_found")


# ---- who may, and what nobody is told ----


@pytest.mark.parametrize(
    ("scope", "storing", "password"),
    [("read", 403, None), ("operate", 200, None), ("admin", 200, PASSWORD)],
)
async def test_only_admins_are_told_the_password(
    api: Api, scope: Scope, storing: int, password: str | None
) -> None:
    for path in (of_operator(api), of_charger(api)):
        await stored(api, path, details())
    key = await api.with_scope(scope)

    for path in (of_operator(api), of_charger(api), of_own_charger(api)):
        shown = await key.get(path)
        assert shown["basicAuthPassword"] == password
        assert shown["websocketConnectionArgs"]["caCertificate"] == root()
        got = await key("POST", path, details())
        assert got.status == storing


async def test_the_password_is_in_no_log_and_no_error(api: Api) -> None:
    operator = await api.with_scope("operate")
    with capture_logs() as logs:
        answers = [
            await operator("POST", path, details(**more))
            for path in (of_operator(api), of_charger(api), of_own_charger(api))
            for more in ({}, {"connectivityMode": "Off"}, {"websocketConnectionArgs": None})
        ]
        answers.append(await operator("POST", of_operator(api), text=f'{{"{PASSWORD}": // x'))
        answers.append(await operator("POST", of_operator(api), details(**{PASSWORD: 1})))

    assert {answer.status for answer in answers[:-2]} == {200, 422}
    texts = [answer.text for answer in answers[:-1]]
    for told in (*texts, json.dumps(logs, default=str)):
        assert PASSWORD not in told


# ---- what is refused ----

ANYWHERE: dict[str, tuple[dict[str, Any], str]] = {
    "no mode": ({"connectivityMode": None}, "connectivityMode"),
    "unknown mode": ({"connectivityMode": "OcppOn"}, "connectivityMode"),
    "another case": ({"connectivityMode": "dualprotocol"}, "connectivityMode"),
    "empty mode": ({"connectivityMode": ""}, "connectivityMode"),
    "mode of a type": ({"connectivityMode": ["DualProtocol"]}, "connectivityMode"),
    "unknown field": ({"ocppVersion": "1.6"}, "ocppVersion"),
    "another spelling": ({"basic_auth_password": "x"}, "basic_auth_password"),
    "empty password": ({"basicAuthPassword": ""}, "basicAuthPassword"),
    "huge password": ({"basicAuthPassword": "x" * 256}, "basicAuthPassword"),
    "password with NUL": ({"basicAuthPassword": "x\0"}, "basicAuthPassword"),
    "password of two lines": ({"basicAuthPassword": "x\r\ny"}, "basicAuthPassword"),
    "password of a type": ({"basicAuthPassword": 7}, "basicAuthPassword"),
    "no arguments": ({"websocketConnectionArgs": None}, URL),
    "arguments of a type": ({"websocketConnectionArgs": "wss://x"}, "websocketConnectionArgs"),
    "a list of arguments": ({"websocketConnectionArgs": []}, "websocketConnectionArgs"),
    "empty arguments": ({"websocketConnectionArgs": {}}, URL),
    "version of a type": ({"version": 7}, "version"),
    "huge version": ({"version": "x" * 256}, "version"),
}
OF_OPERATORS: dict[str, tuple[dict[str, Any], str]] = {
    "word for a boolean": ({"applyToNewDevices": "true"}, "applyToNewDevices"),
    "number for a boolean": ({"applyToNewDevices": 1}, "applyToNewDevices"),
    "null for a boolean": ({"applyToNewDevices": None}, "applyToNewDevices"),
    "one id for all": ({"chargePointId": "CP-1"}, "chargePointId"),
}
OF_CHARGERS: dict[str, tuple[dict[str, Any], str]] = {
    "new devices": ({"applyToNewDevices": True}, "applyToNewDevices"),
    "id with a colon": ({"chargePointId": "CP:1"}, "chargePointId"),
    "id that steps up": ({"chargePointId": ".."}, "chargePointId"),
    "id that stays": ({"chargePointId": "."}, "chargePointId"),
    "id with a slash": ({"chargePointId": "a/b"}, "chargePointId"),
    "id with a placeholder": ({"chargePointId": "{charge_box_id}"}, "chargePointId"),
    "id that is not ASCII": ({"chargePointId": "Zähler"}, "chargePointId"),
    "id with NUL": ({"chargePointId": "CP\0"}, "chargePointId"),
    "empty id": ({"chargePointId": ""}, "chargePointId"),
    "huge id": ({"chargePointId": "x" * 49}, "chargePointId"),
    "id of a type": ({"chargePointId": 7}, "chargePointId"),
}


@pytest.mark.sqlite_only("nothing of it is stored")
@pytest.mark.parametrize(
    ("path", "cases"),
    [
        (of_operator, {**ANYWHERE, **OF_OPERATORS}),
        (of_charger, {**ANYWHERE, **OF_CHARGERS}),
        (of_own_charger, {**ANYWHERE, **OF_CHARGERS}),
    ],
)
async def test_a_body_that_cannot_be_used(
    api: Api, path: Any, cases: Mapping[str, tuple[Any, str]]
) -> None:
    named = {
        name: (await api("POST", path(api), details(**change))).fields
        for name, (change, _) in cases.items()
    }

    assert named == {name: {field} for name, (_, field) in cases.items()}
    assert (await api("GET", path(api))).status == 404


KEY = key_pem(key_of("Root"))
EXPIRED = signed("Old", by="Old", ca=True, begins=-9000 * DAY, ends=-8000 * DAY)
ARGUMENTS: dict[str, tuple[dict[str, Any], set[str]]] = {
    "no URL": ({"url": None}, {URL}),
    "empty URL": ({"url": ""}, {URL}),
    "URL of a type": ({"url": ["wss://x"]}, {URL}),
    "huge URL": ({"url": f"wss://{HOST}/{'x' * 1900}"}, {URL}),
    "another scheme": ({"url": "https://example.com"}, {URL}),
    "no scheme": ({"url": HOST}, {URL}),
    "without TLS": ({"url": "ws://example.com"}, {URL}),
    "a user": ({"url": f"wss://user:{PASSWORD}@{HOST}"}, {URL}),
    "a fragment": ({"url": f"wss://{HOST}/#x"}, {URL}),
    "a placeholder": ({"url": f"wss://{HOST}/{{charge_box_id}}"}, {URL}),
    "a stray brace": ({"url": f"wss://{HOST}/}}"}, {URL}),
    "an address": ({"url": "wss://192.168.1.101"}, {URL}),
    "a public address": ({"url": "wss://8.8.8.8/ocpp"}, {URL}),
    "a number": ({"url": "wss://134744072"}, {URL}),
    "IPv6": ({"url": "wss://[2001:4860:4860::8888]"}, {URL}),
    "an address that is allowed": ({"url": "wss://127.0.0.1"}, {URL}),
    "NUL in the URL": ({"url": f"wss://{HOST}/\0"}, {URL}),
    "a blank in the URL": ({"url": f"wss://{HOST}/ x"}, {URL}),
    "a line feed in the URL": ({"url": f"wss://{HOST}/\n"}, {URL}),
    "no certificate": ({"caCertificate": None}, {PEM}),
    "empty certificate": ({"caCertificate": ""}, {PEM}),
    "certificate of a type": ({"caCertificate": {"pem": "x"}}, {PEM}),
    "huge certificate": ({"caCertificate": "x" * 65_537}, {PEM}),
    "garbage": ({"caCertificate": "x" * 65_536}, {PEM}),
    "the placeholder": (
        {"caCertificate": "-----BEGIN CERTIFICATE-----\nYour CA\n-----END CERTIFICATE-----"},
        {PEM},
    ),
    "NUL in the certificate": ({"caCertificate": authority() + "\0"}, {PEM}),
    "a key": ({"caCertificate": KEY}, {PEM}),
    "expired": ({"caCertificate": EXPIRED}, {PEM}),
    "a server's": ({"caCertificate": issued(HOST).chain}, {PEM}),
    "no domain": ({"caCertificateDomain": None}, {DOMAIN}),
    "empty domain": ({"caCertificateDomain": ""}, {DOMAIN}),
    "domain of a type": ({"caCertificateDomain": True}, {DOMAIN}),
    "huge domain": ({"caCertificateDomain": f"{'x' * 60}." * 4 + "example.com"}, {DOMAIN}),
    "a wildcard": ({"caCertificateDomain": "*.example.com"}, {DOMAIN}),
    "a domain that is an address": ({"caCertificateDomain": "192.168.1.101"}, {DOMAIN}),
    "a domain that is IPv6": ({"caCertificateDomain": "::1"}, {DOMAIN}),
    "a domain that is a number": ({"caCertificateDomain": "2130706433"}, {DOMAIN}),
    "a domain that is a hexadecimal number": ({"caCertificateDomain": "0x7f.1"}, {DOMAIN}),
    "a domain with a port": ({"caCertificateDomain": f"{HOST}:443"}, {DOMAIN}),
    "a domain with a scheme": ({"caCertificateDomain": f"wss://{HOST}"}, {DOMAIN}),
    "a domain with a dot at its end": ({"caCertificateDomain": f"{HOST}."}, {DOMAIN}),
    "a domain with an empty label": ({"caCertificateDomain": "a..com"}, {DOMAIN}),
    "a domain that is not ASCII": ({"caCertificateDomain": "münchen.de"}, {DOMAIN}),
    "a domain with a line feed": ({"caCertificateDomain": f"{HOST}\n"}, {DOMAIN}),
    "a domain with NUL": ({"caCertificateDomain": f"{HOST}\0"}, {DOMAIN}),
    "neither": ({"caCertificate": None, "caCertificateDomain": None}, {PEM, DOMAIN}),
    "nothing right": ({"url": "wss://1.1", "caCertificate": "x"}, {URL, PEM}),
    "unknown": ({"ca_certificate": "x"}, {"websocketConnectionArgs.ca_certificate"}),
}


@pytest.mark.sqlite_only("nothing of it is stored")
async def test_arguments_that_cannot_be_used(api: Api) -> None:
    answers = {
        name: await api(
            "POST", of_operator(api), details(websocketConnectionArgs=arguments(**change))
        )
        for name, (change, _) in ARGUMENTS.items()
    }

    named = {name: answer.fields for name, answer in answers.items()}
    assert named == {name: fields for name, (_, fields) in ARGUMENTS.items()}
    for answer in answers.values():
        assert PASSWORD not in answer.text
        assert "PRIVATE" not in answer.text


NO_BODIES: dict[str, int] = {
    "": 422,
    "null": 422,
    "[]": 422,
    '"DualProtocol"': 422,
    "{}": 422,
    "{": 400,
    '{"connectivityMode": "OcppOff"': 400,
    '{"connectivityMode": "\\ud800"}': 400,
    '{"a":' * 40 + "1" + "}" * 40: 400,
    '"' + '\\"' * 500_000: 400,
    '{"websocketConnectionArgs": ' + '"x' * 600_000: 413,
}


@pytest.mark.sqlite_only("nothing of it is stored")
async def test_what_is_no_body(api: Api) -> None:
    for path in (of_operator(api), of_charger(api)):
        statuses = [(await api("POST", path, text=text)).status for text in NO_BODIES]
        assert statuses == list(NO_BODIES.values())


@pytest.mark.sqlite_only("nothing of it is stored")
async def test_a_serial_number_that_is_no_id_needs_another_one(api: Api) -> None:
    path = of_charger(api, "EH:1")

    assert (await api("POST", path, details())).fields == {"chargePointId"}
    await stored(api, path, details(chargePointId="CP-1"))
    assert (await api.get(path))["chargePointId"] == "CP-1"


async def test_a_serial_number_may_be_almost_anything(api: Api) -> None:
    body = details(chargePointId="CP-1")
    for name in (
        "Z%C3%A4hler%201",
        "a%2Fb",
        "x" * 255,
        "%F0%9F%94%8C",
        "a%25b",
        "%FF",  # no text
        "%ED%A0%80",  # half a character
    ):
        version = await stored(api, of_charger(api, name), body)
        assert (await api.get(of_own_charger(api, name)))["version"] == version


@pytest.mark.sqlite_only("nothing of it is stored")
async def test_a_serial_number_that_there_cannot_be(api: Api) -> None:
    for name in ("%00", "a%0Ab", "x" * 256, "", "a/b", "%1b%5b2J"):
        for method, body in (("GET", None), ("POST", details(chargePointId="CP-1"))):
            assert (await api(method, of_charger(api, name), body)).error == (404, "not_found")


@pytest.mark.sqlite_only("nothing of it is stored")
async def test_a_version_that_there_cannot_be(api: Api) -> None:
    for version in ("", "%00", "a%0Ab", "x" * 256):
        for path in (of_operator(api), of_charger(api), of_own_charger(api)):
            assert (await api("GET", f"{path}?version={version}")).fields == {"version"}


async def test_other_methods_are_not_served(api: Api) -> None:
    answers: list[Answer] = [
        await api(method, path)
        for method in ("PUT", "PATCH", "DELETE")
        for path in (of_operator(api), of_charger(api), of_own_charger(api))
    ]

    assert {answer.error for answer in answers} == {(405, "method_not_allowed")}
