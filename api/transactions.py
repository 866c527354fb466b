"""Charging transactions, newest first, and one with its meter values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from operator import attrgetter
from typing import Any

from api.errors import NotFound
from api.pages import Page, foreign_cursor, page, read_cursor
from api.routing import Request, route
from api.schemas.common import PageQuery
from api.schemas.transactions import Authorized, OneTransaction, TransactionQuery, Transactions
from storage.records import ChargerKey, Transaction
from storage.repositories.transactions import Wanted

BASE = "/api/v1/organizations/{organization_uuid}/transactions"
TAG = "Transactions"


@route("GET", BASE, tag=TAG, scope="read", query=TransactionQuery(), answer=Transactions())
async def list_transactions(request: Request) -> Mapping[str, Any]:
    """List the organization's transactions, newest first."""
    transactions, next_cursor = await page_of_transactions(request, request.query["charge_box_id"])
    return {"transactions": transactions, "next_cursor": next_cursor}


@route(
    "GET",
    BASE + "/{transaction_id}",
    tag=TAG,
    scope="read",
    query=PageQuery(),
    answer=OneTransaction(),
)
async def get_transaction(request: Request) -> Mapping[str, Any]:
    """Show a transaction with a page of its meter values.

    `limit` counts messages of the charger, each of which may have brought several values.
    """
    found = await request.parts.storage.transactions.find(
        request.organization_uuid, request.path["transaction_id"]
    )
    if found is None:
        raise NotFound
    return await metered(request, found)


async def metered(request: Request, found: Transaction) -> Mapping[str, Any]:
    """Return a transaction with the page of its meter values that the query asks for."""
    limit, after = request.query["limit"], read_cursor(request.query["cursor"], int) or 0
    readings, next_cursor = page(
        await request.parts.storage.transactions.readings(
            found.key, found.transaction_id, limit + 1, after
        ),
        limit,
        attrgetter("id"),
    )
    asked = found.remote_start or {}
    shown = {
        **asdict(found),
        **{name: asked.get(camel) for name, camel in _ASKED.items()},
        "meter_values": [value for reading in readings for value in reading.values],
    }
    return {"transaction": shown, "next_cursor": next_cursor}


# What came along with a start is kept as it was written.
_ASKED = {
    name: "".join((head, *(part.capitalize() for part in tail)))
    for name in Authorized().fields
    for head, *tail in (name.split("_"),)
}


async def page_of_transactions(request: Request, charge_box_id: str | None) -> Page:
    """Return the page of transactions that the query asks for."""
    query, transactions = request.query, request.parts.storage.transactions
    limit = query["limit"]
    bounds = {name: query[name] for name in ("since", "until") if query[name] is not None}
    wanted = Wanted(query["state"], query["evse_id"], **bounds)
    found = await transactions.list(
        request.organization_uuid, charge_box_id, limit + 1, await _before(request), wanted
    )
    return page(found, limit, _place)


def _place(transaction: Transaction) -> tuple[str, str]:
    return (transaction.key.charge_box_id, transaction.transaction_id)


async def _before(request: Request) -> Transaction | None:
    place = read_cursor(request.query["cursor"], str, str)
    if place is None:
        return None
    key = ChargerKey(request.organization_uuid, place[0])
    found = await request.parts.storage.transactions.get(key, place[1])
    if found is None:
        raise foreign_cursor()
    return found
