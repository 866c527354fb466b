"""Commissioning from end to end: what seed 001 promises, with chargers and targets on real sockets.

Targets speak TLS with a certificate of an authority that only the stored details name, for a name
that is not the host of their URL.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from simulators.charger import Charger
from simulators.target import Target
from simulators.watched import utc_now
from tests.certificates import DAY, authority, certificate
from tests.doubles import until
from tests.e2e.commissioning import (
    DOMAIN,
    PASSWORD,
    Operator,
    details,
    operating,
    secure_target,
    show,
)
from tests.e2e.conftest import FAST
from tests.simulators.stage import TOKEN

SERIAL = "EH123456"
# Far more than it takes, and far less than any pause there is: see PATIENT.
SOON = 5.0

one_of_each = pytest.mark.one_of_each("what is dialled is the same on both engines")
dialled = pytest.mark.sqlite_only("about certificates, which no database knows of")
VERSIONS = pytest.mark.parametrize("version", ["1.6", "2.0.1"])


# ---- the stored authority ----


@dialled
@VERSIONS
async def test_a_charger_is_linked_by_the_stored_authority(tmp_path: Path, version: str) -> None:
    async with (
        secure_target(tmp_path) as there,
        operating(tmp_path / "data") as operator,
        operator.charger("CP 1", version, serial=SERIAL),
    ):
        stored = await operator.store(there.details(chargePointId="EH 1|2@3"), SERIAL)
        await operator.apply(SERIAL, stored)
        shown = await operator.linked(SERIAL, stored)

        assert (shown["chargePointId"], shown["charge_box_id"]) == ("EH 1|2@3", "CP 1")
        [connection] = there.target.connections
        assert connection.path == "/ocpp/EH%201%7C2%403"
        assert connection.credentials == ("EH 1|2@3", PASSWORD.encode())
        assert connection.subprotocol == f"ocpp{version}"
        assert there.asked == [DOMAIN]


WRONG: Mapping[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "authority": (
        {},
        {"caCertificate": authority("Another authority")},
        "its authority is not the one that is pinned",
    ),
    "name, though the host's": ({"name": "localhost"}, {}, f"it is for another name than {DOMAIN}"),
    "expired": ({"begins": -2 * DAY, "ends": -DAY}, {}, "it has expired"),
    "not valid yet": ({"begins": DAY, "ends": 2 * DAY}, {}, "it is not valid yet"),
}


@dialled
@pytest.mark.parametrize(("issuing", "arguments", "why"), WRONG.values(), ids=WRONG)
async def test_a_certificate_that_proves_nothing_is_told_and_only_the_link_feels_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    issuing: dict[str, Any],
    arguments: dict[str, Any],
    why: str,
) -> None:
    (tmp_path / "roots.pem").write_text(authority())
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "roots.pem"))  # the system would trust it
    async with (
        secure_target(tmp_path) as right,
        secure_target(tmp_path, **issuing) as wrong,
        operating(tmp_path / "data") as operator,
        operator.charger("CP-1", serial=SERIAL) as charger,
    ):
        good = await operator.store(right.details())
        await operator.apply(SERIAL, good)
        await operator.linked(SERIAL, good)
        own = await charger.start(1, TOKEN)

        bad = await operator.store(wrong.details(arguments=arguments))
        await operator.apply(SERIAL, bad)
        shown = await operator.until(SERIAL, appliedVersion=bad, linkState="backoff")
        said = f"The target's certificate is not trusted: {why}."
        assert (shown["state"], shown["lastError"]) == ("applied", said)
        await is_told_of_its_configuration(operator, shown["proxyConfigurationId"], said)
        await works_as_ever(operator, charger, own.id)
        assert wrong.target.connections == []
        assert (set(wrong.asked), set(wrong.begun)) == ({DOMAIN}, {b"\x16"})  # a TLS handshake

        since = utc_now()
        await operator.apply(SERIAL, good)
        await operator.linked(SERIAL, good)
        is_soon("ready, out of its back-off", since)
        await until(lambda: right.target.calls("StopTransaction"))
        kinds = ("StartTransaction", "MeterValues", "StopTransaction")
        [start], [_], [stop] = (right.target.calls(kind) for kind in kinds)
        assert start.answer
        assert stop.fields["transactionId"] == start.answer["transactionId"]


@dialled
async def test_a_certificate_that_expires_keeps_the_next_dial_away_until_it_is_renewed(
    tmp_path: Path,
) -> None:
    (tmp_path / "old").mkdir()
    expired = certificate(tmp_path / "old", DOMAIN, begins=-2 * DAY, ends=-DAY)
    async with (
        secure_target(tmp_path) as there,
        operating(tmp_path / "data", FAST) as operator,
        operator.charger("CP-1", serial=SERIAL) as charger,
    ):
        version = await operator.store(there.details())
        await operator.apply(SERIAL, version)
        await operator.linked(SERIAL, version)
        await charger.start(1, TOKEN)
        there.context.load_cert_chain(expired)
        charger.read_meters()
        await until(lambda: there.target.calls("MeterValues"))  # on the link that there is

        await there.target.hang_up(SERIAL)
        said = "The target's certificate is not trusted: it has expired."
        await operator.until(SERIAL, linkState="backoff", lastError=said)
        charger.read_meters()
        await charger.stop(1)
        there.context.load_cert_chain(tmp_path / f"{DOMAIN}.pem")
        await operator.linked(SERIAL, version)
        await until(lambda: there.target.calls("StopTransaction"))
        # Hung up on before its answer came, the first one is told twice.
        assert len({one.payload for one in there.target.calls("MeterValues")}) == 2
        assert charger.counts["connected"] == 1


@dialled
@pytest.mark.parametrize("stored_anew", [False, True])
async def test_whoever_mends_the_target_applies_the_version_once_more_and_need_not_wait(
    tmp_path: Path, *, stored_anew: bool
) -> None:
    (tmp_path / "old").mkdir()
    expired = certificate(tmp_path / "old", DOMAIN, begins=-2 * DAY, ends=-DAY)
    async with (
        secure_target(tmp_path) as there,
        operating(tmp_path / "data") as operator,
        operator.charger("CP-1", serial=SERIAL),
    ):
        there.context.load_cert_chain(expired)
        version = await operator.store(there.details())
        await operator.apply(SERIAL, version)
        await operator.until(SERIAL, linkState="backoff")
        there.context.load_cert_chain(tmp_path / f"{DOMAIN}.pem")
        again = await operator.store(there.details()) if stored_anew else version
        since = utc_now()
        told = await operator.apply(SERIAL, again)
        assert told["state"] == ("applied" if stored_anew else "unchanged")
        await operator.linked(SERIAL, again)
        is_soon("ready, applied once more", since)
        assert len(there.asked) == 2


async def is_told_of_its_configuration(operator: Operator, id: int, said: str) -> None:
    """Look at what seed 000 shows of a configuration, and at a test of it."""
    path = f"{operator.organization}/proxy_configurations/{id}"
    status = (await operator.ok("GET", f"{path}/status"))["status"]
    assert (status["state"], status["last_error"]) == ("backoff", said)
    steps = (await operator.ok("POST", f"{path}/test"))["steps"]
    assert steps[-1] == {"step": "tls", "ok": False, "detail": said}


async def works_as_ever(operator: Operator, charger: Charger, transaction_id: str) -> None:
    """Let a session be metered and stopped by command, on a link that was never lost."""
    charger.read_meters()
    path = f"/api/chargingStations/{charger.charge_box_id}/transactions/{transaction_id}/stop"
    told = await operator.ok("POST", path)
    assert told == {"transactionStopResponse": {"status": "Accepted"}}
    await charger.until(lambda _: charger.waiting == 0 and not charger.hardware.transactions)
    assert (charger.counts["connected"], charger.counts["closed"]) == (1, 0)


def is_soon(what: str, since: datetime) -> None:
    took = (utc_now() - since).total_seconds()
    show(what, took)
    assert took < SOON


# ---- new chargers ----


KNOWN: Mapping[str, tuple[dict[str, Any], str]] = {
    "by whoever enrols it": ({"serial_number": SERIAL}, SERIAL),
    "by whoever enrols it, with details of its own": ({"serial_number": SERIAL}, "EH-OWN"),
    "by its boot": ({}, SERIAL),
    "by its boot, with details of its own": ({}, "EH-OWN"),
}


@one_of_each
@VERSIONS
@pytest.mark.parametrize(("known", "name_there"), KNOWN.values(), ids=KNOWN)
async def test_a_new_charger_is_linked_when_it_first_boots(
    tmp_path: Path, version: str, known: dict[str, Any], name_there: str
) -> None:
    async with secure_target(tmp_path) as there, operating(tmp_path / "data") as operator:
        new = await operator.store(there.details(applyToNewDevices=True))
        if name_there != SERIAL:
            elsewhere = {"url": "wss://elsewhere.example/ocpp"}
            await operator.store(there.details(applyToNewDevices=True, arguments=elsewhere))
            new = await operator.store(there.details(chargePointId=name_there), SERIAL)
        password = await operator.enrol("CP-1", **known)
        assert there.target.connections == []
        async with operator.charger("CP-1", version, serial=SERIAL, password=password) as charger:
            shown = await operator.linked("CP-1", new)
            booted = next(one.at for one in charger.events if one.action == "BootNotification")
            is_soon(
                f"{version}, as {name_there}, enrolled with {known}: linked after its boot", booted
            )

    assert (shown["requestedBy"], shown["chargePointId"]) == ("automatic", name_there)
    [connection], [boot] = there.target.connections, there.target.calls("BootNotification")
    assert connection.path == f"/ocpp/{name_there}"
    assert connection.at < boot.at
    assert booted < boot.at
    assert known or booted < connection.at
    assert SERIAL.encode() in boot.payload


@one_of_each
async def test_a_charger_that_has_not_booted_since_it_was_enrolled_is_new(tmp_path: Path) -> None:
    async with secure_target(tmp_path) as there, operating(tmp_path / "data") as operator:
        async with operator.charger("CP-1", serial="EH000001"):
            enrolled = await operator.enrol("CP-2")
            new = await operator.store(there.details(applyToNewDevices=True))
            async with operator.charger("CP-2", serial="EH000002", password=enrolled):
                await operator.linked("EH000002", new)
            assert (await operator.connection("EH000001"))["wantedVersion"] is None
        known = (await operator.ok("GET", f"{operator.organization}/chargers/CP-1"))["charger"]
        assert known["serial_number"] == "EH000001"
    assert {one.charge_box_id for one in there.target.connections} == {"EH000002"}


# ---- the walk of the seed ----

FIRST, SECOND = ("CP-1", "EH000001"), ("CP-2", "EH000002")
SERIALS = [serial for _, serial in (FIRST, SECOND)]


@one_of_each
async def test_the_walk_of_the_seed(tmp_path: Path) -> None:
    async with (
        secure_target(tmp_path) as one,
        secure_target(tmp_path) as other,
        operating(tmp_path / "data") as operator,
        operator.charger(FIRST[0], "1.6", serial=FIRST[1]),
        operator.charger(SECOND[0], "2.0.1", serial=SECOND[1]),
    ):
        default = await stored_as_it_was_given(operator, one.details(applyToNewDevices=False))
        own = await stored_as_it_was_given(operator, other.details(chargePointId="X"), SERIALS[0])
        await is_applied_to_one(operator, own)
        assert [each.path for each in other.target.connections] == ["/ocpp/X"]

        site = await operator.make_site("Depot", [FIRST[0], SECOND[0]])
        await is_applied_to_all(operator, site, default, own)
        came = {each.path: each.credentials for each in one.target.connections}
        assert came == {f"/ocpp/{each}": (each, PASSWORD.encode()) for each in SERIALS}

        off = await operator.store({**one.details(), "connectivityMode": "OcppOff"})
        await is_switched_off(operator, site, off)
        assert not any(each.live for each in one.target.connections + other.target.connections)

        await is_applied_to_all(operator, site, default, own)  # which was stored before
        await is_mended(operator, site, default, other.details()["websocketConnectionArgs"]["url"])
        await is_taken_back(operator, site, off)


async def stored_as_it_was_given(
    operator: Operator, given: Mapping[str, Any], serial: str | None = None
) -> str:
    """Store details and look at them, the latest and by their version."""
    version = await operator.store(given, serial)
    path = f"{operator.commissioning}/connection-details" + (f"/{serial}" if serial else "")
    for query in ("", f"?version={version}"):
        told = await operator.ok("GET", path + query)
        assert given.items() <= told.items()
    return version


async def is_applied_to_one(operator: Operator, version: str) -> None:
    """Apply a version to the first charger, which changes nothing the second time."""
    charge_box_id, serial = FIRST
    for state in ("applied", "unchanged"):
        assert await operator.apply(serial, version) == {
            "version": version,
            "serialNumber": serial,
            "charge_box_id": charge_box_id,
            "state": state,
        }
        await operator.linked(serial, version)


async def is_applied_to_all(operator: Operator, site: str, version: str, own: str) -> None:
    """Apply a version to both chargers, and look at what is told of them."""
    path = f"{operator.commissioning}/connections/sites/{site}"
    assert (await operator("POST", path, {"version": own}))[0] == 409  # it is of one charger
    told = await operator.apply_to(site, version)
    assert [one["state"] for one in told["results"]] == ["applied", "applied"]
    for serial in SERIALS:
        shown = await operator.linked(serial, version)
        assert (shown["chargePointId"], shown["drift"]) == (serial, [])
        assert (await operator.proxy_configuration(serial))["connection_version"] == version
    assert (await operator.ok("GET", path))["rollout"]["version"] == version


async def is_switched_off(operator: Operator, site: str, off: str) -> None:
    """Apply a version that takes the links down; configurations stay."""
    await operator.apply_to(site, off)
    for serial in SERIALS:
        shown = await operator.until(serial, appliedVersion=off, linkState="disabled")
        assert shown["connectivityMode"] == "OcppOff"
        assert (await operator.proxy_configuration(serial))["enabled"] is False


async def is_mended(operator: Operator, site: str, version: str, url: str) -> None:
    """Change a configuration by hand, which is told; the same version once more mends it."""
    by_hand = await operator.proxy_configuration(SERIALS[0])
    path = f"{operator.organization}/proxy_configurations/{by_hand['id']}"
    await operator.ok("PATCH", path, {"target_websocket_url": f"{url}/by-hand"})
    changed = await operator.until(SERIALS[0], drift=["target_websocket_url"])
    assert changed["appliedVersion"] == version
    assert (await operator.proxy_configuration(SERIALS[0]))["drift"] == ["target_websocket_url"]

    told = await operator.apply_to(site, version)
    states = {one["serialNumber"]: one["state"] for one in told["results"]}
    assert states == {SERIALS[0]: "applied", SERIALS[1]: "unchanged"}
    await operator.linked(SERIALS[0], version)
    mended = await operator.proxy_configuration(SERIALS[0])
    assert mended["target_websocket_url"] == by_hand["target_websocket_url"]
    assert mended["drift"] == []


async def is_taken_back(operator: Operator, site: str, before: str) -> None:
    """Take the last rollout back, which changes nothing the second time."""
    first, again = [await operator.take_back(site) for _ in range(2)]
    assert first == again
    for serial in SERIALS:
        await operator.until(serial, appliedVersion=before, linkState="disabled")


@pytest.mark.sqlite_only("tests/api halts rollouts on both engines")
async def test_canaries_that_meet_a_foreign_certificate_keep_the_others_where_they_are(
    tmp_path: Path,
) -> None:
    async with (
        secure_target(tmp_path) as there,
        operating(tmp_path / "data") as operator,
        operator.charger(FIRST[0], serial=FIRST[1]),
        operator.charger(SECOND[0], serial=SECOND[1]),
    ):
        site = await operator.make_site("Depot", [FIRST[0], SECOND[0]])
        good = await operator.store(there.details())
        await operator.apply_to(site, good)
        for serial in SERIALS:
            await operator.linked(serial, good)
        foreign = {"caCertificate": authority("Another authority")}
        bad = await operator.store(there.details(arguments=foreign))
        told = await operator.apply_to(site, bad, canary={"chargers": 1, "seconds": 1})

        [canary, other] = told["results"]
        assert (canary["state"], other["state"]) == ("applied", "halted")
        assert "its authority is not the one that is pinned" in told["rollout"]["error"]
        await operator.until(canary["serialNumber"], appliedVersion=bad, linkState="backoff")
        await operator.linked(other["serialNumber"], good)
        await operator.take_back(site)
        await operator.linked(canary["serialNumber"], good)
        assert len([one for one in there.target.connections if one.live]) == 2
        assert len(there.target.connections) == 3  # the other one's link was never lost


# ---- sessions meanwhile ----

DURABLE = {"StartTransaction", "MeterValues", "StopTransaction", "TransactionEvent"}


@one_of_each
@VERSIONS
async def test_sessions_go_on_while_their_charger_is_moved_and_moved_back(
    tmp_path: Path, version: str
) -> None:
    async with (
        Target.listening(first_transaction_id=700_001) as one,
        Target.listening(first_transaction_id=800_001) as other,
        operating(tmp_path) as operator,
        operator.charger("CP-1", version, serial=SERIAL) as charger,
    ):
        here, there = [await operator.store(details(each)) for each in (one, other)]
        await is_moved(operator, charger, here)
        await charger.start(1, TOKEN)
        await is_moved(operator, charger, there)
        await charger.start(2, TOKEN)
        await charger.stop(1)
        await is_moved(operator, charger, here)
        await charger.stop(2)

        told = said(charger)
        await until(lambda: len(heard(one) + heard(other)) >= len(told))
        assert sorted(heard(one) + heard(other)) == sorted(told)
        for each in (one, other):
            assert heard(each) == [text for text in told if text in heard(each)]
        # To its owner it is one system at two addresses: seed 000's `on_change` is `keep`.
        assert ended(other) == ([700_001] if version == "1.6" else [charger.transactions[0].id])
        assert ended(one) == ([800_001] if version == "1.6" else [charger.transactions[1].id])
        assert charger.counts["connected"] == 1


async def is_moved(operator: Operator, charger: Charger, version: str) -> None:
    """Apply another version while the charger has more to tell; nobody waits for the link."""
    await operator.apply(SERIAL, version)
    charger.read_meters()
    await operator.linked(SERIAL, version)


def said(charger: Charger) -> list[bytes]:
    """Return what a charger has said of its sessions."""
    called = [one for one in charger.events if one.kind == "called"]
    return [_text(one.action, one.fields) for one in called if one.action in DURABLE]


def heard(target: Target) -> list[bytes]:
    """Return what a target has heard of them."""
    return [_text(one.action, one.fields) for one in target.received if one.action in DURABLE]


def _text(action: str, fields: Mapping[str, Any]) -> bytes:
    """Leave out what differs on its way: ids that others give, and that it came later."""
    same = {name: fields[name] for name in fields if name not in {"transactionId", "offline"}}
    return orjson.dumps([action, same], option=orjson.OPT_SORT_KEYS)


def ended(target: Target) -> list[Any]:
    """Return of which sessions a target has heard that they ended, by the ids that it was told."""
    stops = [one.fields["transactionId"] for one in target.calls("StopTransaction")]
    events = [one.fields for one in target.calls("TransactionEvent")]
    ids = [one["transactionInfo"]["transactionId"] for one in events if one["eventType"] == "Ended"]
    return [*stops, *ids]
