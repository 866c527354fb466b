"""Write `docs/commands.md`: what can be asked of a charger, from what the code really does.

``python -m bench.actions``; a test compares the page with what this would write.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from api.guarded import OF_ADMINS
from csms.late_parts import LATE_PARTS
from csms.requests import actions_of
from csms.stations import STATIONS

PAGE = Path(__file__).parent.parent / "docs" / "commands.md"
BASE = "/api/chargingStations/{stationId}"
# The routes that do the same in the platform's own words, below BASE.
ROUTES: Mapping[str, str] = {
    "CancelReservation": "DELETE /reservations/{reservationId}",
    "ChangeAvailability": "PUT /evses/{evseId}/availability",
    "ClearChargingProfile": "DELETE /chargingProfile",
    "GetCompositeSchedule": "GET /compositeSchedule",
    "GetDiagnostics": "POST /logs",
    "GetLocalListVersion": "GET /localList",
    "GetLog": "POST /logs",
    "RemoteStartTransaction": "POST /evses/{evseId}/transactions",
    "RemoteStopTransaction": "POST /transactions/{transactionId}/stop",
    "RequestStartTransaction": "POST /evses/{evseId}/transactions",
    "RequestStopTransaction": "POST /transactions/{transactionId}/stop",
    "ReserveNow": "POST /reservations",
    "Reset": "POST /reset",
    "SendLocalList": "PUT /localList",
    "SetChargingProfile": "PUT /chargingProfile",
    "SignedUpdateFirmware": "POST /firmware",
    "UnlockConnector": "POST /evses/{evseId}/unlock",
    "UpdateFirmware": "POST /firmware",
}
_HEAD = """\
# Every command

Written by `python -m bench.actions`; a test holds it against the code. Each action of a charger's
OCPP version is asked by `POST /api/chargingStations/{stationId}/commands/{Action}`, and of many
stations by `POST /api/chargingStations/commands/{Action}` ([how](operations.md)).

*also by*: the route below `/api/chargingStations/{stationId}` that does it in words of no version.
*then*: what the station sends after its answer, which the record of the command collects.
*scope*: what the API key needs; where only some keys or variables need `admin`, this is the least.

| action | 1.6 | 2.0.1 | 2.1 | also by | then | scope |
|---|---|---|---|---|---|---|
"""
_VERSIONS = ("1.6", "2.0.1", "2.1")


def page() -> str:
    """Return the page."""
    known = {kind.version: actions_of(kind) for kind in STATIONS.values()}
    every = sorted(set().union(*known.values()))
    return _HEAD + "".join(_row(action, known) for action in every)


def _row(action: str, known: Mapping[str, frozenset[str]]) -> str:
    spoken = ["✓" if action in known[version] else "" for version in _VERSIONS]
    route = f"`{ROUTES[action]}`" if action in ROUTES else ""
    then = f"`{LATE_PARTS[action]}`" if action in LATE_PARTS else ""
    scope = "admin" if action in OF_ADMINS else "operate"
    return f"| `{action}` | {' | '.join([*spoken, route, then, scope])} |\n"


if __name__ == "__main__":
    PAGE.write_text(page())
