"""Reservations, and the lists of tokens that chargers have for themselves."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from api.schemas.common import next_cursor
from api.schemas.fields import Integer, Moment, choice, nullable, text
from api.schemas.power_limits import StatusInfo
from api.schemas.stations import CamelCase
from csms.reservations import STATES

TOKEN_TYPES = ("AD_HOC_USER", "APP_USER", "OTHER", "RFID")
CONNECTOR_TYPES = (
    "cCCS1",
    "cCCS2",
    "cG105",
    "cTesla",
    "cType1",
    "cType2",
    "s309-1P-16A",
    "s309-1P-32A",
    "s309-3P-16A",
    "s309-3P-32A",
    "sBS1361",
    "sCEE-7-7",
    "sType2",
    "sType3",
    "Other1PhMax16A",
    "Other1PhOver16A",
    "Other3Ph",
    "Pan",
    "wInductive",
    "wResonant",
    "Undetermined",
    "Unknown",
)
STATUSES = (
    "Accepted",
    "Blocked",
    "ConcurrentTx",
    "Expired",
    "Invalid",
    "NoCredit",
    "NotAllowedTypeEVSE",
    "NotAtThisLocation",
    "NotAtThisTime",
    "Unknown",
)
MOST_TOKENS = 2_000  # a body of 1 MiB holds no more values


def _id_token(about: str = "20 characters on OCPP 1.6, 36 on 2.x.") -> fields.String:
    return text(36, about=about, required=True)


class ReservationRequest(CamelCase):
    """For whom to keep an EVSE, and until when."""

    id_token = _id_token()
    id_token_type = choice(*TOKEN_TYPES, load_default="RFID")
    expires_at = Moment(required=True)
    group_id_token = text(36, about="May use the reservation as well.", **nullable())
    connector_type = choice(*CONNECTOR_TYPES, about="OCPP 2.x, without an EVSE.", **nullable())


class Reservation(CamelCase):
    """A reservation, and what became of it."""

    reservation_id = Integer(required=True)
    evse_id = Integer(allow_none=True, required=True)
    id_token = fields.String(required=True)
    id_token_type = fields.String(required=True)
    expires_at = Moment(required=True)
    state = choice(
        *STATES,
        about="Asked: the charger has not answered, and may keep it all the same.",
        required=True,
    )
    created_at = Moment(required=True)
    updated_at = Moment(required=True)


class OneReservation(CamelCase):
    """One reservation."""

    reservation = fields.Nested(Reservation, required=True)


class Reservations(CamelCase):
    """A page of a station's reservations, newest first."""

    reservations = fields.List(fields.Nested(Reservation), required=True)
    next_cursor = next_cursor()


class Reserved(CamelCase):
    """What the charger answered to a reservation, and its number."""

    response = fields.String(required=True)
    reservation_id = Integer(required=True)
    status_info = fields.Nested(StatusInfo)


class Answered(CamelCase):
    """What the charger answered."""

    response = fields.String(required=True)
    status_info = fields.Nested(StatusInfo)


# ---- local lists ----


class ListedToken(CamelCase):
    """A token, and what the charger is to make of it."""

    id_token = _id_token()
    id_token_type = choice(*TOKEN_TYPES, **nullable())
    status = choice(*STATUSES, about="By default Accepted.", **nullable())
    expires_at = Moment(**nullable())
    group_id_token = text(36, **nullable())


def _entries(**more: Any) -> fields.List[Any]:
    most = validate.Length(max=MOST_TOKENS)
    return fields.List(fields.Nested(ListedToken), validate=most, **more)


class LocalListRequest(CamelCase):
    """All tokens that the charger is to know by itself."""

    entries = _entries(required=True)

    @validates_schema
    def _each_once(self, data: dict[str, Any], **_: Any) -> None:
        _check_each_once(data["entries"], "entries")


class LocalListChange(CamelCase):
    """Tokens to add or replace, and others to take out."""

    entries = _entries(load_default=list)
    removed = fields.List(text(36), load_default=list, validate=validate.Length(max=MOST_TOKENS))

    @validates_schema
    def _each_once(self, data: dict[str, Any], **_: Any) -> None:
        _check_each_once(data["entries"], "entries")
        if not data["entries"] and not data["removed"]:
            raise ValidationError("Something has to change.")
        kept = {entry["id_token"].casefold() for entry in data["entries"]}
        for n, id_token in enumerate(data["removed"]):
            if id_token.casefold() in kept:
                raise ValidationError({"removed": {n: ["This token is put as well."]}})


def _check_each_once(entries: list[dict[str, Any]], name: str) -> None:
    seen: set[str] = set()
    for n, entry in enumerate(entries):
        written = entry["id_token"].casefold()  # OCPP's tokens have no letter case
        if written in seen:
            raise ValidationError({name: {n: {"idToken": ["This token is there twice."]}}})
        seen.add(written)


class LocalList(CamelCase):
    """The list as we have put it there; ``chargerVersion`` is what the charger says it has."""

    version = Integer(required=True)
    charger_version = Integer(allow_none=True, required=True)
    entries = fields.List(fields.Nested(ListedToken), required=True)
    updated_at = Moment(allow_none=True, required=True)


class OneLocalList(CamelCase):
    """The list of one charger."""

    local_list = fields.Nested(LocalList, required=True)
