"""A station's charging transactions, as the operations API of seed 002 shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.chargers import stored_charger
from api.errors import NotFound
from api.routing import Request, route
from api.schemas.common import PageQuery
from api.schemas.station_transactions import (
    OneStationTransaction,
    StationTransactionQuery,
    StationTransactions,
)
from api.stations import STATION, TAG
from api.transactions import metered, page_of_transactions

BASE = STATION + "/transactions"


@route(
    "GET",
    BASE,
    tag=TAG,
    scope="read",
    query=StationTransactionQuery(),
    answer=StationTransactions(),
)
async def list_station_transactions(request: Request) -> Mapping[str, Any]:
    """List a station's transactions, newest first."""
    charger = await stored_charger(request)
    transactions, next_cursor = await page_of_transactions(request, charger.key.charge_box_id)
    return {"transactions": transactions, "next_cursor": next_cursor}


@route(
    "GET",
    BASE + "/{transactionId}",
    tag=TAG,
    scope="read",
    query=PageQuery(),
    answer=OneStationTransaction(),
)
async def get_station_transaction(request: Request) -> Mapping[str, Any]:
    """Show a transaction with a page of its meter values.

    `limit` counts messages of the charger, each of which may have brought several values.
    """
    charger = await stored_charger(request)
    found = await request.parts.storage.transactions.get(charger.key, request.path["transactionId"])
    if found is None:
        raise NotFound
    return await metered(request, found)
