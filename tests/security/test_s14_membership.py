"""S-14: only our own table says who belongs to an organization; people write their traits."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Api
from tests.kratos import People

CLAIMS: dict[str, Any] = {
    "traits": {"org": "{victim}", "organization": "{victim}", "organization_uuid": "{victim}"},
    "organization_id": "{victim}",
    "metadata_public": {"organization_uuid": "{victim}", "role": "admin"},
    "metadata_admin": {"organization_uuid": "{victim}", "role": "admin"},
    "external_id": "{victim}",
}


def filled(claim: Any, victim: str) -> Any:
    if isinstance(claim, dict):
        return {name: filled(value, victim) for name, value in claim.items()}
    return claim.replace("{victim}", victim)


@pytest.mark.parametrize("name", CLAIMS)
@pytest.mark.parametrize("member_elsewhere", [False, True])
async def test_what_an_identity_says_of_itself_lets_it_into_no_organization(
    api: Api, people: People, name: str, *, member_elsewhere: bool
) -> None:
    await api.enrol("CP-1")
    victim = api.organization_uuid
    mallory = await people.person(identity={name: filled(CLAIMS[name], victim)})
    if member_elsewhere:
        theirs = await api.neighbour()
        await people.admit(mallory, theirs.organization_uuid, "admin")

    seen = await mallory("GET", f"{api.organization}/chargers")
    assert seen.error == (404, "not_found")
    missing = await mallory("GET", seen_nowhere(api))
    assert missing.text == seen.text
    picked = await mallory("GET", "/api/chargingStations", headers={"X-Organization": victim})
    assert picked.error == (403, "forbidden")
    assert "CP-1" not in picked.text
    listed = await mallory("GET", "/api/v1/organizations")
    assert victim not in listed.text
    assert listed.status == (200 if member_elsewhere else 403)


def seen_nowhere(api: Api) -> str:
    return f"{api.organization.replace(api.organization_uuid, '0' * 8)}/chargers"


async def test_who_belongs_nowhere_is_told_what_an_admin_needs_to_know(
    people: People,
) -> None:
    person = await people.person()

    got = await person("GET", "/api/v1/organizations")

    assert got.error == (403, "forbidden")
    assert person.identity in got.body["message"]
