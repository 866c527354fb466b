"""The audit: what somebody did or was denied, one row each, tied into a chain per organization."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Any

import structlog

from storage import audit_chain
from storage.audit_chain import Chain, Sealed, Verdict, Walk
from storage.database import Database, Row, Statement, Write
from storage.group_commit import GroupCommit
from storage.records import AuditCategory, AuditEntry
from storage.repositories.rows import columns
from storage.secrets import Sealer
from storage.statements import audit as statements

log = structlog.get_logger("ringmain.audit")

_NEWEST = 2**63 - 1
_PAGE = 500
_TRIES = 5  # to read a chain from beginning to end before its beginning is cut off


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which entries are wanted; None is all the same."""

    actor: str | None = None
    action: str | None = None
    category: AuditCategory | None = None
    charge_box_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def filters(self) -> dict[str, Any]:
        """Return what is filtered by, as statements name it."""
        wanted = {name: getattr(self, name) for name in self.__slots__}
        given = {name: value for name, value in wanted.items() if value is not None}
        if given.get("category") == "security":
            given["security"] = given.pop("category")
        return given


_ALL = Wanted()


class Audit:
    """Remember who did or was denied what; whoever notes it leaves secrets out."""

    def __init__(self, database: Database, group: GroupCommit, sealer: Sealer) -> None:
        self._database = database
        self._group = group
        self._keys = partial(sealer.derived, audit_chain.PURPOSE)
        self._sealing = asyncio.Lock()
        self.added = asyncio.Event()  # for whoever seals

    def note(self, entry: AuditEntry) -> asyncio.Future[None]:
        """Add an entry, which gets its id here; the Future is done once it is on disk."""
        row = columns(entry)
        del row["id"], row["place"]
        self.added.set()
        return self._group.submit(statements.add_audit_entry, row)

    async def flush(self) -> None:
        """Wait until what was noted is on disk, or has failed."""
        await self._group.flush()

    async def chained(self) -> list[str]:
        """Return the organizations that have a chain."""
        return [
            row["organization_uuid"] for row in await self._database.fetch(statements.all_chains)
        ]

    async def list(
        self,
        organization_uuid: str,
        limit: int = 100,
        before: int | None = None,
        wanted: Wanted = _ALL,
    ) -> list[AuditEntry]:
        """Return entries, newest first, those with an id below ``before``."""
        filters = wanted.filters()
        values = {
            "organization_uuid": organization_uuid,
            "before": _NEWEST if before is None else before,
            "limit": limit,
            **filters,
        }
        query = statements.audit_entries_before(frozenset(filters))
        return [AuditEntry(**row) for row in await self._database.fetch(query, values)]

    async def rows(self, organization_uuid: str, wanted: Wanted = _ALL) -> AsyncIterator[Row]:
        """Yield entries as they are stored and with their seals, oldest first."""
        filters = wanted.filters()
        query = statements.audit_entries_after(frozenset(filters))
        values = {"organization_uuid": organization_uuid, "limit": _PAGE, **filters}
        after = 0
        while page := await self._database.fetch(query, {**values, "after": after}):
            for row in page:
                yield row
            after = page[-1]["id"]

    # ---- the chain ----

    async def seal(self, limit: int = _PAGE) -> int:
        """Tie entries to the end of their chains; return how many, at most so many."""
        async with self._sealing:
            rows = await self._database.fetch(statements.unsealed, {"limit": limit})
            rows.sort(key=itemgetter("organization_uuid", "id"))
            entries: list[Row] = []
            chains: list[Row] = []
            for id, group in groupby(rows, key=itemgetter("organization_uuid")):
                of = list(group)
                sealed, chain = audit_chain.lengthened(await self._open(id), of, self._keys(None))
                pairs = zip(of, sealed, strict=True)
                entries += [{"of_entry": row["id"], **one._asdict()} for row, one in pairs]
                chains.append(columns(chain))
            if rows:
                await self._write((statements.seal_entry, entries), (statements.put_chain, chains))
        return len(rows)

    async def cut(self, organization_uuid: str, through: Sealed) -> bool:
        """Drop a chain's entries up to one, and remember its seal: the rest is tied to it.

        A chain that somebody has tampered with stays as it is, until its next entry is sealed.
        """
        async with self._sealing:
            chain = await self.chain(organization_uuid)
            if chain is None or not audit_chain.is_ours(chain, self._keys):
                return False
            cut = replace(chain, anchor_place=through.place, anchor_seal=through.seal)
            gone = {"organization_uuid": organization_uuid, "through": through.place}
            left = columns(audit_chain.sealed_record(self._keys(None), cut))
            await self._write((statements.drop_sealed, [gone]), (statements.put_chain, [left]))
        return True

    async def _write(self, *writes: tuple[Statement, Sequence[Row]]) -> None:
        """Write all or nothing, and let nobody look at the chain before it is known which."""
        writing = asyncio.ensure_future(self._database.write([Write(*each) for each in writes]))
        try:
            await asyncio.shield(writing)
        finally:
            await asyncio.wait((writing,))

    async def _open(self, organization_uuid: str) -> Chain:
        """Return the chain that goes on; where its record is not ours, behind an empty place.

        So what was done to it stays visible, though its record is ours from now on.
        """
        chain = await self.chain(organization_uuid)
        if chain is not None and audit_chain.is_ours(chain, self._keys):
            return chain
        of = {"organization_uuid": organization_uuid}
        there = await self._database.fetch(statements.last_place, of)
        if chain is None and not there:
            return audit_chain.beginning(organization_uuid)
        log.error("audit_tampered_with", organization_uuid=organization_uuid)
        chain = chain or audit_chain.beginning(organization_uuid)
        last = max(chain.last_place, *(row["place"] for row in there))
        return replace(chain, last_place=last + 1, last_seal=b"")

    async def chain(self, organization_uuid: str) -> Chain | None:
        """Return the record of a chain, None where there is none yet."""
        of = {"organization_uuid": organization_uuid}
        rows = await self._database.fetch(statements.chain_of, of)
        return audit_chain.found_chain(rows[0]) if rows else None

    async def unsealed(self, organization_uuid: str) -> int:
        """Return how many entries are not in the chain yet."""
        of = {"organization_uuid": organization_uuid}
        [row] = await self._database.fetch(statements.count_unsealed, of)
        return int(row["rows"])

    async def holds(self, organization_uuid: str, noted: Sealed) -> bool | None:
        """Tell whether a place has the seal that somebody has noted, None where it is too old."""
        chain = await self.chain(organization_uuid)
        if chain is not None and noted.place <= chain.anchor_place:
            return noted.seal == chain.anchor_seal if noted.place == chain.anchor_place else None
        asked = {"organization_uuid": organization_uuid, "after": noted.place - 1, "limit": 1}
        rows = await self._database.fetch(statements.sealed_after, asked)
        return [(row["place"], row["seal"]) for row in rows] == [tuple(noted)]

    async def verify(
        self, organization_uuid: str, walked: Callable[[int], None] = lambda _rows: None
    ) -> Verdict:
        """Go through a chain, also while others make it longer or shorter.

        ``walked`` is told how many more rows have been gone through, page by page.
        """
        for _ in range(_TRIES):
            begun = await self.chain(organization_uuid)
            verdict = await self._walk(organization_uuid, begun, walked)
            ended = await self.chain(organization_uuid)
            if verdict.is_whole or _anchor(begun) == _anchor(ended):
                break
        return verdict

    async def _walk(
        self, organization_uuid: str, begun: Chain | None, walked: Callable[[int], None]
    ) -> Verdict:
        walk = Walk(self._keys, begun or audit_chain.beginning(organization_uuid))
        of: Mapping[str, Any] = {"organization_uuid": organization_uuid, "limit": _PAGE}
        for row in await self._database.fetch(statements.buried, {**of, "through": walk.place}):
            walk.take(row)
        while True:
            # The record first: what it tells of has been committed with it.
            chain = await self.chain(organization_uuid)
            page = await self._database.fetch(statements.sealed_after, {**of, "after": walk.place})
            before = walk.place
            for row in page:
                walk.take(row)
            walked(len(page))
            if walk.place == before:  # nothing, or only what SQLite has behind all numbers
                return walk.verdict(chain)


def _anchor(chain: Chain | None) -> int:
    return chain.anchor_place if chain else 0
