"""Say a charging profile in the words of OCPP 1.6, and read one that came in them; pure.

Profiles are kept as the JSON objects of OCPP 2.0.1.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from csms.profile_lint import Flaw, parts
from csms.schedules import STATION_MAX, Fields

_INTEGER = re.compile(r"-?[0-9]{1,10}", re.ASCII)
_STATION_MAX_16 = "ChargePointMaxProfile"
_TO_16: Mapping[str, str] = {STATION_MAX: _STATION_MAX_16}
_FROM_16: Mapping[str, str] = {_STATION_MAX_16: STATION_MAX}


def purpose_of(word: str) -> str:
    """Return a purpose of 1.6 in the words of 2.0.1."""
    return _FROM_16.get(word, word)


def to_16(profile: Fields) -> dict[str, Any]:
    """Return a profile as csChargingProfiles; what 1.6 cannot say is left out."""
    said = {key: profile[key] for key in _SAME if key in profile}
    said["chargingProfileId"] = profile["id"]
    said["chargingProfilePurpose"] = _TO_16.get(
        profile["chargingProfilePurpose"], profile["chargingProfilePurpose"]
    )
    if "transactionId" in profile:
        said["transactionId"] = int(profile["transactionId"])
    schedule = profile["chargingSchedule"][0]
    kept = {key: schedule[key] for key in _SCHEDULE if key in schedule}
    periods = [{key: period[key] for key in _PERIOD if key in period} for period in kept[_PERIODS]]
    said["chargingSchedule"] = {**kept, _PERIODS: periods}
    return said


def from_16(said: Fields) -> dict[str, Any]:
    """Return csChargingProfiles in the shape of 2.0.1; raise KeyError where something is missing.

    The transaction id becomes text; a schedule has the profile's id.
    """
    profile = {key: said[key] for key in _SAME if said.get(key) is not None}
    profile["id"] = said["chargingProfileId"]
    profile["chargingProfilePurpose"] = purpose_of(said["chargingProfilePurpose"])
    if said.get("transactionId") is not None:
        profile["transactionId"] = str(said["transactionId"])
    schedule = said["chargingSchedule"]
    kept = {key: schedule[key] for key in _SCHEDULE if schedule.get(key) is not None}
    profile["chargingSchedule"] = [{"id": said["chargingProfileId"], **kept}]
    return profile


_SAME = ("stackLevel", "chargingProfileKind", "recurrencyKind", "validFrom", "validTo")
_PERIODS = "chargingSchedulePeriod"
_SCHEDULE = ("duration", "startSchedule", "chargingRateUnit", _PERIODS, "minChargingRate")
_PERIOD = ("startPeriod", "limit", "numberPhases")


# ---- what a version cannot say ----

_CUSTOM = "customData"
_ALIKE = {*_SAME, "id", "chargingProfilePurpose", "transactionId", "chargingSchedule"}
# What a profile, a schedule and a period may say, in this order.
_SAYABLE: Mapping[str, tuple[frozenset[str], ...]] = {
    "1.6": (frozenset(_ALIKE), frozenset({*_SCHEDULE, "id"}), frozenset(_PERIOD)),
    "2.0.1": (
        frozenset(_ALIKE),
        frozenset({*_SCHEDULE, "id", "salesTariff"}),
        frozenset({*_PERIOD, "phaseToUse"}),
    ),
}


def unsayable(version: str, profile: Fields) -> Iterator[Flaw]:
    """Yield what a version has no words for; customData aside, which says nothing to a charger."""
    known = _SAYABLE.get(version, ())
    for path, part in parts(profile) if known else ():
        for name in sorted(part.keys() - known[path.count(".") // 2] - {_CUSTOM}):
            yield Flaw(path + name, "UnsupportedParam", f"OCPP {version} cannot say this.")
    if version == "1.6":
        yield from _unsayable_16(profile)


def left_out(version: str, profile: Fields) -> list[str]:
    """Return where in a profile there is customData that its version has no place for."""
    if version != "1.6":
        return []
    return [path + _CUSTOM for path, part in parts(profile) if _CUSTOM in part]


def _unsayable_16(profile: Fields) -> Iterator[Flaw]:
    if len(profile["chargingSchedule"]) > 1:
        told = "An OCPP 1.6 profile has one schedule."
        yield Flaw("chargingSchedule.1", "UnsupportedParam", told)
    if not _INTEGER.fullmatch(profile.get("transactionId", "0")):
        told = "An OCPP 1.6 transaction id is a number."
        yield Flaw("transactionId", "UnsupportedParam", told)


# ---- paths ----

_PATHS_16: Mapping[str, str] = {
    r"^chargingProfile(?=\.)": "csChargingProfiles",
    r"(?<=chargingSchedule)\.[0-9]+": "",
    r"(?<=^csChargingProfiles\.)id$": "chargingProfileId",
    r"^chargingProfileId$": "id",
    r"^chargingProfileCriteria\.": "",
}


def path_in(version: str, path: str) -> str:
    """Return a dotted path of a 2.0.1 request about profiles as a version has it."""
    for said, old in _PATHS_16.items() if version == "1.6" else ():
        path = re.sub(said, old, path)
    return path


# ---- all words of a version ----


@dataclass(frozen=True, slots=True)
class Words:
    """How an OCPP version names what charging profiles are about."""

    evse: str
    profile: str
    start: str
    read: Callable[[Fields], dict[str, Any]]
    write: Callable[[Fields], dict[str, Any]]
    reasons: bool  # answers may say why

    @classmethod
    def of(cls, version: str) -> Words:
        """Return the words of a version."""
        return _WORDS[version]


_OLD = Words(
    "connectorId", "csChargingProfiles", "RemoteStartTransaction", from_16, to_16, reasons=False
)
_NEW = Words("evseId", "chargingProfile", "RequestStartTransaction", dict, dict, reasons=True)
_WORDS: Mapping[str, Words] = {"1.6": _OLD, "2.0.1": _NEW, "2.1": _NEW}
