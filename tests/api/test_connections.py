"""How a charger is connected."""

from __future__ import annotations

from tests.api.conftest import Api, Connect


async def test_a_charger_that_never_came_has_no_connection(api: Api) -> None:
    await api.enrol()

    assert (await api.get(f"{api.organization}/chargers/CP-1/connection"))["connection"] == {
        "connected": False,
        "since": None,
        "remote_address": None,
        "subprotocol": None,
        "security_profile": 1,
        "last_seen": None,
        "last_disconnect": None,
        "last_close_code": None,
        "last_close_reason": None,
        "frames_received": None,
        "frames_sent": None,
        "bytes_received": None,
        "bytes_sent": None,
    }


async def test_a_live_connection_tells_what_it_has_carried(api: Api, connect: Connect) -> None:
    await api.enrol()
    peer = (await connect()).peer
    await peer.calls("Heartbeat")
    await peer.hears()
    shown = (await api.get(f"{api.organization}/chargers/CP-1/connection"))["connection"]

    assert shown["connected"] is True
    assert shown["since"] == "2026-11-21T10:00:00.000Z"
    assert (shown["remote_address"], shown["subprotocol"]) == ("192.0.2.7", "ocpp1.6")
    assert (shown["frames_received"], shown["frames_sent"]) == (1, 1)
    assert shown["bytes_received"] == len('[2,"peer-1","Heartbeat",{}]')


async def test_an_unknown_charger_is_not_found(api: Api) -> None:
    got = await api("GET", f"{api.organization}/chargers/CP-1/connection")

    assert got.error == (404, "not_found")
