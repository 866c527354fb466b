"""Charging transactions, newest first, and one with its meter values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from api.errors import NotFound
from api.pages import Page, foreign_cursor, page, read_cursor
from api.routing import Request, route
from api.schemas.transactions import OneTransaction, TransactionQuery, Transactions
from storage.records import ChargerKey, Transaction

BASE = "/api/v1/organizations/{organization_uuid}/transactions"
TAG = "Transactions"


@route("GET", BASE, tag=TAG, scope="read", query=TransactionQuery(), answer=Transactions())
async def list_transactions(request: Request) -> Mapping[str, Any]:
    """List the organization's transactions, newest first."""
    transactions, next_cursor = await page_of_transactions(request, request.query["charge_box_id"])
    return {"transactions": transactions, "next_cursor": next_cursor}


@route("GET", BASE + "/{transaction_id}", tag=TAG, scope="read", answer=OneTransaction())
async def get_transaction(request: Request) -> Mapping[str, Any]:
    """Show a transaction with its meter values."""
    found = await request.parts.storage.transactions.find(
        request.organization_uuid, request.path["transaction_id"]
    )
    if found is None:
        raise NotFound
    transactions = request.parts.storage.transactions
    values = await transactions.meter_values(found.key, found.transaction_id)
    return {"transaction": {**asdict(found), "meter_values": values}}


async def page_of_transactions(request: Request, charge_box_id: str | None) -> Page:
    """Return the page of transactions that the query asks for."""
    limit, transactions = request.query["limit"], request.parts.storage.transactions
    found = await transactions.list(
        request.organization_uuid, charge_box_id, limit + 1, await _before(request)
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
