"""What no database takes as it is: NUL, lone surrogates, huge numbers. All comes back unchanged.

NUL and long numbers are good JSON, and go wherever the message goes. A lone surrogate and a number
beyond all bounds are refused by the guard, so no target hears them; the log has them all the same.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from websockets.asyncio.client import ClientConnection, connect

from simulators.target import Target
from tests.doubles import PATIENCE, until
from tests.e2e.conftest import Api

NAME = "CP-1"
HUGE = b"1" + b"0" * 30
MOMENT = b'"2026-11-21T10:00:00.000Z"'
CUSTOM = rb'"customData":{"vendorId":"a","n":%b,"x":6.0,"t":"\u0000\u001a1"}' % HUGE

SAID: dict[str, dict[str, bytes]] = {
    "ocpp1.6": {
        "BootNotification": b'{"chargePointVendor":"A","chargePointModel":"\\u0000"}',
        "Authorize": rb'{"idTag":"A\u0000B\u001a0"}',
        "StartTransaction": rb'{"connectorId":1,"idTag":"A\u0000B\u001a0","meterStart":0,'
        b'"timestamp":%b,"n":%b}' % (MOMENT, HUGE),
        "StatusNotification": rb'{"connectorId":1,"errorCode":"OtherError","status":"Faulted",'
        rb'"info":"\u0000","vendorErrorCode":"\u001a\u0000","n":%b}' % HUGE,
        "DataTransfer": rb'{"vendorId":"a\u0000","data":"\u0000\u001a1","n":%b,"x":6.0}' % HUGE,
    },
    "ocpp2.0.1": {
        "BootNotification": rb'{"reason":"PowerUp","chargingStation":{"vendorName":"\u0000",'
        rb'"model":"\u001a0"}}',
        "Authorize": rb'{"idToken":{"idToken":"A\u0000B\u001a0","type":"Central"}}',
        "TransactionEvent": rb'{"eventType":"Started","timestamp":%b,"triggerReason":"Authorized",'
        rb'"seqNo":0,"transactionInfo":{"transactionId":"T\u00001"},"evse":{"id":1},'
        rb'"idToken":{"idToken":"A\u0000B\u001a0","type":"Central"},%b}' % (MOMENT, CUSTOM),
        "StatusNotification": rb'{"timestamp":%b,"connectorStatus":"Faulted","evseId":1,'
        rb'"connectorId":1,%b}' % (MOMENT, CUSTOM),
        "DataTransfer": rb'{"vendorId":"a","data":{"n":%b,"t":"\u0000"},%b}' % (HUGE, CUSTOM),
    },
}
REFUSED = {
    "surrogate": rb'{"vendorId":"a","data":"\ud800"}',
    "number": b'{"vendorId":"a","data":"x","n":1e400000}',
}
# Whatever the target's state is, and whoever judges tokens.
DELIVERED = {
    "ocpp1.6": {"BootNotification", "StartTransaction", "DataTransfer"},
    "ocpp2.0.1": {"BootNotification", "TransactionEvent", "DataTransfer"},
}
VERSIONS = pytest.mark.parametrize("subprotocol", SAID)


class Charger:
    """A charger that says what it is told to, byte for byte."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    async def says(self, action: str, payload: bytes) -> list[Any]:
        """Send a CALL and return what comes back."""
        await self._socket.send(
            b'[2,"%b","%b",%b]' % (action.encode(), action.encode(), payload), text=True
        )
        async with asyncio.timeout(30):
            while True:
                frame: list[Any] = orjson.loads(await self._socket.recv())
                if frame[0] != 2:
                    return frame


@asynccontextmanager
async def charger(api: Api, password: str, subprotocol: str) -> AsyncIterator[Charger]:
    told = base64.b64encode(f"{NAME}:{password}".encode()).decode()
    async with connect(
        f"ws://{api.server.ocpp}/{api.organization_uuid}/ocpp_proxy/{NAME}",
        subprotocols=[subprotocol],  # type: ignore[list-item] # a text, by another name
        additional_headers={"Authorization": f"Basic {told}"},
    ) as socket:
        yield Charger(socket)


async def boots(device: Charger, target: Target, subprotocol: str) -> None:
    """Let a charger begin, and wait until what its target decides reaches the target."""
    transfer = SAID[subprotocol]["DataTransfer"]
    await device.says("BootNotification", SAID[subprotocol]["BootNotification"])
    async with asyncio.timeout(PATIENCE):
        while not target.calls("DataTransfer"):
            await device.says("DataTransfer", transfer)


async def log(api: Api) -> bytes:
    """Return what the API shows of all messages, as it is on the wire."""
    path = f"{api.of_organization}/chargers/{NAME}/messages?limit=1000"
    async with api.session.get(path) as answer:
        assert answer.status == 200
        return await answer.read()


@VERSIONS
async def test_what_is_good_json_reaches_log_and_target_byte_by_byte(
    api: Api, subprotocol: str
) -> None:
    async with Target.listening() as target:
        password = await api.enrol(NAME, target.url + "/{charge_box_id}")
        async with charger(api, password, subprotocol) as device:
            await boots(device, target, subprotocol)
            for action, payload in SAID[subprotocol].items():
                # It has booted; another boot might lead to another link, and events be told late.
                if action != "BootNotification":
                    assert (await device.says(action, payload))[0] == 3, action
            await until(lambda: {one.action for one in target.received} >= DELIVERED[subprotocol])

    shown = await log(api)
    for action, payload in SAID[subprotocol].items():
        assert {one.payload for one in target.calls(action)} <= {payload}, action
        assert payload in shown, action


@VERSIONS
async def test_what_the_guard_refuses_is_in_the_log_as_it_was(api: Api, subprotocol: str) -> None:
    async with Target.listening() as target:
        password = await api.enrol(NAME, target.url + "/{charge_box_id}")
        async with charger(api, password, subprotocol) as device:
            await boots(device, target, subprotocol)
            for payload in REFUSED.values():
                assert (await device.says("DataTransfer", payload))[0] == 4

        heard = {one.payload for one in target.calls("DataTransfer")}
    assert heard == {SAID[subprotocol]["DataTransfer"]}
    shown = (await log(api)).decode()
    for payload in REFUSED.values():
        assert orjson.dumps(payload.decode()).decode()[1:-1] in shown
