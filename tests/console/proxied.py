"""Chargers with a target, for pages that show what passes between them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from simulators.charger import Charger, Habits
from simulators.target import Target
from tests.e2e.conftest import Api

PASSWORD = "third-party-secret"


@dataclass(frozen=True)
class Proxied:
    """A charger, its target, and the API of the server between them."""

    api: Api
    charger: Charger
    target: Target

    @property
    def address(self) -> str:
        return f"http://{self.api.server.http}"

    @property
    def key(self) -> str:
        return str(self.api.session.headers["x-api-key"])

    async def scoped(self, scope: str) -> str:
        """Return another key of the organization."""
        status, told = await self.api(
            "POST", f"{self.api.of_organization}/api_keys", {"scope": scope}
        )
        assert status == 201, told
        return str(told["api_key"]["api_key"])


@contextlib.asynccontextmanager
async def proxied(api: Api, charge_box_id: str = "CP-1") -> AsyncIterator[Proxied]:
    """Have a charger of 1.6 connected, and its target, which has accepted it."""
    async with Target.listening(passwords={"*": PASSWORD}) as target:
        url = f"{target.url}/{{charge_box_id}}"
        password = await api.enrol(charge_box_id, url)
        charger = Charger(
            f"ws://{api.server.ocpp}/{api.organization_uuid}/ocpp_proxy",
            charge_box_id,
            password,
            habits=Habits(restart_s=0.01),
            back_off=(0.05, 0.2),
        )
        async with charger.running():
            await charger.wait_connected()
            # It asks of tokens from when it has accepted the charger, and then sees its connectors.
            await target.until(lambda _: len(target.calls("StatusNotification")) >= 3)
            yield Proxied(api, charger, target)
