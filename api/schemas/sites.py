"""Sites: chargers that stand in one place, so that they can be dealt with by one call."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from api.schemas.common import Done, Schema, Success, next_cursor
from api.schemas.fields import Integer, Moment, text
from api.schemas.proxy_configurations import charge_box_id

MOST_CHARGERS = 5000  # of a site


def _charge_box_ids(about: str, **more: Any) -> fields.List[str]:
    return fields.List(
        charge_box_id(),
        validate=validate.Length(max=MOST_CHARGERS),
        metadata={"description": about},
        **more,
    )


class SiteRequest(Schema):
    """A site, and which chargers are its."""

    name = text(255, required=True)
    chargers = _charge_box_ids("Enrolled chargers of no other site.", load_default=list)


class SiteChange(Schema):
    """What is to be different at a site."""

    name = text(255)
    chargers = _charge_box_ids("All of its chargers from now on: the others leave it.")
    add_chargers = _charge_box_ids("Chargers that come to those that it has.")
    remove_chargers = _charge_box_ids("Chargers that leave it; whoever is not there, stays away.")


class SiteInList(Schema):
    """A site, and how many chargers it has."""

    site_id = fields.String(required=True)
    name = fields.String(required=True)
    charger_count = Integer(required=True, validate=validate.Range(min=0, max=MOST_CHARGERS))
    created_at = Moment(required=True)
    updated_at = Moment(required=True)


class Site(SiteInList):
    """A site, and its chargers."""

    chargers = fields.List(
        fields.String(), required=True, metadata={"description": "Their charge_box_ids, in order."}
    )


class OneSite(Done):
    """One site."""

    site = fields.Nested(Site, required=True)


class Sites(Success):
    """A page of sites."""

    sites = fields.List(fields.Nested(SiteInList), required=True)
    next_cursor = next_cursor()
