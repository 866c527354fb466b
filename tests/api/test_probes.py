"""A target is tried out."""

from __future__ import annotations

from tests.api.conftest import Api, WatchedRelays


async def path(api: Api) -> str:
    id = (await api.enrol_with_proxy())["proxy_configuration"]["id"]
    return f"{api.organization}/proxy_configurations/{id}/test"


async def test_the_steps_of_a_dial_are_told(api: Api, relays: WatchedRelays) -> None:
    got = await api("POST", await path(api))

    assert got.status == 200
    assert got.body == {
        "success": True,
        "steps": [
            {"step": "url", "ok": True, "detail": "wss://x"},
            {"step": "resolve", "ok": False, "detail": "no"},
        ],
    }
    assert len(relays.tested) == 1


async def test_who_tries_too_often_is_asked_to_wait(api: Api) -> None:
    test = await path(api)
    for _ in range(10):
        assert (await api("POST", test)).status == 200
    got = await api("POST", test)

    assert got.error == (503, "unavailable")
    assert "Retry-After" in got.headers
    assert "dialled as often as it may" in got.body["message"]


async def test_a_key_that_may_only_read_dials_nobody(api: Api, relays: WatchedRelays) -> None:
    reader = await api.with_scope("read")

    assert (await reader("POST", await path(api))).error == (403, "forbidden")
    assert relays.tested == []


async def test_another_organization_s_target_is_not_there(api: Api) -> None:
    test = await path(api)
    other = await api.neighbour()
    theirs = test.replace(api.organization_uuid, other.organization_uuid)

    assert (await other("POST", theirs)).error == (404, "not_found")
