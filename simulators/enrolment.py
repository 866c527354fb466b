"""Who a fleet's chargers are: numbered under one address, or enrolled by REST one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import aiohttp

from csms.errors import RingmainError


class EnrolmentFailed(RingmainError):
    """The server did not enrol the charger."""


@dataclass(frozen=True, slots=True)
class Dial:
    """Where a charger dials, and as whom."""

    url: str
    charge_box_id: str
    password: str | None = field(default=None, repr=False)


def names(count: int, prefix: str) -> list[str]:
    """Return so many charge_box_ids."""
    return [f"{prefix}{number:04}" for number in range(1, count + 1)]


def numbered(url: str, count: int, password: str | None = None, prefix: str = "SIM-") -> list[Dial]:
    """Let chargers dial one address with one password."""
    return [Dial(url, name, password) for name in names(count, prefix)]


async def enrol(
    api_url: str, organization_uuid: str, api_key: str, charge_box_ids: Sequence[str]
) -> list[Dial]:
    """Enrol chargers without a proxy; raise EnrolmentFailed with the server's reason."""
    path = f"{api_url.rstrip('/')}/api/v1/organizations/{organization_uuid}/chargers"
    try:
        async with aiohttp.ClientSession(headers={"x-api-key": api_key}) as session:
            return [await _enrol(session, path, name) for name in charge_box_ids]
    except aiohttp.ClientConnectorError:
        raise EnrolmentFailed(f"{api_url}: No server answers there.") from None
    except (aiohttp.ClientError, TimeoutError, ValueError) as failed:
        raise EnrolmentFailed(f"{api_url}: {failed or type(failed).__name__}") from None


async def _enrol(session: aiohttp.ClientSession, path: str, charge_box_id: str) -> Dial:
    async with session.post(path, json={"charge_box_id": charge_box_id}) as answer:
        body = await answer.json()
    if not body.get("success"):
        raise EnrolmentFailed(f"{charge_box_id}: {body.get('message', answer.status)}")
    return Dial(body["charger"]["ocpp_url"], charge_box_id, body["charger"]["ocpp_password"])
