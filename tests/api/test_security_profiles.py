from __future__ import annotations

from dataclasses import replace

from aiohttp import ClientSession

from api.app import create_app
from api.parts import ApiParts
from api.server import listening
from csms.door_profiles import DoorProfiles
from csms.settings import Bind
from tests.api.conftest import Api, HandClock


async def test_a_profile_that_nobody_could_come_in_with_is_refused_with_what_helps(
    api: Api, parts: ApiParts, clock: HandClock
) -> None:
    profiles = DoorProfiles(default=2, impossible={3: "set RINGMAIN_TLS_CLIENT_CA"})
    parts = replace(parts, profiles=profiles)
    async with (
        listening(create_app(parts), Bind("127.0.0.1", 0)) as bind,
        ClientSession() as session,
    ):
        here = Api(session, f"http://{bind}", parts, clock, api.organization_uuid, api.key)
        path = f"{here.organization}/chargers"

        refused = await here("POST", path, {"charge_box_id": "CP-3", "security_profile": 3})
        assert refused.fields == {"security_profile"}
        assert "RINGMAIN_TLS_CLIENT_CA" in refused.body["message"]
        assert (await here.enrol("CP-2"))["security_profile"] == 2
        assert (await here.enrol("CP-1", security_profile=1))["security_profile"] == 1
