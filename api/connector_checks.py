"""Judge what a data connector is given by more than its shape."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError

from api.errors import Invalid
from api.parsing import invalid
from api.schemas.connectors import ConnectorChange
from storage.records import SinkRecord
from storage.sinks.errors import SinkRefused
from storage.sinks.gcs_account import read_service_account
from storage.sinks.port import Outside

Given = Mapping[str, Any]
# Where a new value of these asks for the credentials again: Google's stores are shown a token that
# opens the bucket to whoever sees it, and an Azure signature says nothing of host and content, so
# that another host could store something else with it. One of S3 binds both.
_PLACES: Mapping[str, tuple[str, ...]] = {
    "gcp_storage": ("endpoint_url",),
    "azure_storage": ("endpoint_url", "storage_account"),
}


async def checked(given: Given, old: SinkRecord, outside: Outside) -> Given:
    """Return what is given to change a connector; raise Invalid."""
    if given.get("type", old.type) != old.type:
        raise Invalid({"type": [f"The type cannot change; it is {old.type}."]})
    try:
        loaded: Given = ConnectorChange.kinds[old.type].load(given)
    except ValidationError as wrong:
        raise invalid(wrong.messages) from None
    _check_owner(loaded, old)
    await check_reach(loaded, outside)
    return loaded


async def check_reach(given: Given, outside: Outside) -> None:
    """Raise Invalid for places that are closed to us and for accounts that are none."""
    faults: dict[str, list[str]] = {}
    try:
        if url := given.get("configuration", {}).get("endpoint_url"):
            outside.door.check(url)
    except SinkRefused as refused:
        faults["configuration.endpoint_url"] = [str(refused)]
    try:
        if text := given.get("credentials", {}).get("service_account_json"):
            await asyncio.to_thread(read_service_account, text, outside.gcp_token_uri)
    except SinkRefused as refused:
        faults["credentials.service_account_json"] = [str(refused)]
    if faults:
        raise Invalid(faults)


def _check_owner(given: Given, old: SinkRecord) -> None:
    """Let nobody send the credentials of somebody else to a place of their own."""
    if "credentials" in given:
        return
    configuration = given.get("configuration", {})
    for name in _PLACES.get(old.type, ()):
        place = configuration.get(name)
        if place is not None and place != old.configuration.get(name):
            told = f"Give the credentials again: the new {name} is shown what they open."
            raise Invalid({"credentials": [told]})
