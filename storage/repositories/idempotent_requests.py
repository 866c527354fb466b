"""Requests with an Idempotency-Key, each carried out once, and their sealed answers."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from storage.database import Database, Row
from storage.repositories.rows import columns
from storage.sealed_columns import ANSWER
from storage.secrets import Sealer
from storage.security_records import IdempotentRequest
from storage.statements import idempotent_requests as statements

KEPT_FOR = timedelta(hours=24)
_ENDED = ("status", "answer")


class IdempotentRequests:
    """Note a request before it is carried out, and its answer afterwards."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    async def begin(self, request: IdempotentRequest) -> IdempotentRequest | None:
        """Note, on disk, that a request is about to be carried out.

        Returns the one with this key that is there already, and then notes nothing. Raises
        SealBroken where its answer cannot be opened.
        """
        row = {name: value for name, value in columns(request).items() if name not in _ENDED}
        expired = request.created_at - KEPT_FOR
        async with self._database.transaction() as transaction:
            if await transaction.execute(statements.begin, {**row, "expired": expired}):
                return None
            found = await transaction.execute(statements.request, _key(row))
        return self._record(found[0])

    async def end(self, request: IdempotentRequest, status: int, answer: str) -> None:
        """Note how a request was answered."""
        ended = replace(request, status=status, answer=answer)
        sealed = self._sealer.seal(answer, ANSWER.place(columns(ended)))
        values = {**_this(request), "status": status, "answer": sealed}
        await self._database.execute(statements.end, values)

    async def forget(self, request: IdempotentRequest) -> None:
        """Forget a request that has changed nothing: it may be made again with the same key."""
        await self._database.execute(statements.forget, _this(request))

    def _record(self, row: Row) -> IdempotentRequest:
        values = {**row, "body_digest": bytes(row["body_digest"])}
        if values["answer"] is not None:
            values["answer"] = self._sealer.unseal(bytes(row["answer"]), ANSWER.place(row))
        return IdempotentRequest(**values)


def _key(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in ("organization_uuid", "route", "idempotency_key")}


def _this(request: IdempotentRequest) -> dict[str, Any]:
    named = {f"of_{name}": value for name, value in _key(columns(request)).items()}
    return {**named, "of_record_id": request.record_id}
