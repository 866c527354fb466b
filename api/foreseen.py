"""Say what applying a version, or taking one back, would come to; nothing is changed by it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from api.parts import ApiParts
from proxy.commissioning import Outcome, Wish
from proxy.installing import Scene
from storage.records import Charger, ChargerKey

# Others are served between one lot of chargers and the next.
AT_ONCE = 100
# These are not told, only that they change.
CONCEALED = frozenset({"target_auth_basic_password", "target_ca_certificate"})


async def scenes_of(parts: ApiParts, chargers: Sequence[Charger]) -> list[Scene]:
    """Return what there is of chargers of one organization, in their order."""
    if not chargers:
        return []
    names = [charger.key.charge_box_id for charger in chargers]
    named = chargers[0].key.organization_uuid, names
    installed = await parts.storage.installations.of(*named)
    configured = await parts.storage.proxy_configurations.among(*named)
    return [
        Scene(charger=charger, installation=installed.get(name), configuration=configured.get(name))
        for name, charger in zip(names, chargers, strict=True)
    ]


async def foreseen(
    parts: ApiParts, chargers: Iterable[Charger], wishes: Mapping[ChargerKey, Wish] | Wish
) -> list[Mapping[str, Any]]:
    """Return what would become of each charger, by one wish or by its own.

    A charger without a wish would be left to whoever has applied something to it since.
    """
    found: list[Mapping[str, Any]] = []
    left = iter(chargers)
    while some := list(islice(left, AT_ONCE)):
        for scene in await scenes_of(parts, some):
            wish = wishes if isinstance(wishes, Wish) else wishes.get(scene.charger.key)
            found.append(_result(parts, scene, wish))
    return found


def _result(parts: ApiParts, scene: Scene, wish: Wish | None) -> Mapping[str, Any]:
    superseded = Outcome(state="superseded")
    outcome = superseded if wish is None else parts.commissioning.judged(scene, wish)
    return {
        "serial_number": scene.charger.serial_number,
        "charge_box_id": scene.charger.key.charge_box_id,
        "state": outcome.state,
        "error": outcome.error,
        "changes": changes(scene, outcome),
    }


def changes(scene: Scene, outcome: Outcome) -> list[Mapping[str, Any]]:
    """Return how each field of the proxy configuration would change, without secrets."""
    plan = outcome.plan
    if plan is None:
        return []
    return [
        {
            "field": name,
            "from_": _told(name, scene.configuration),
            "to": _told(name, plan.configuration),
        }
        for name in plan.changes
    ]


def _told(name: str, configuration: object) -> Any:
    return None if name in CONCEALED else getattr(configuration, name, None)
