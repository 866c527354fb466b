"""The command line of the audit: `ringmain audit verify | export`, also beside a running server."""

from __future__ import annotations

import re
import sys
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import orjson
import typer

from csms.errors import RingmainError
from csms.terminal import OneLine, known, show, with_storage
from storage.audit_chain import Sealed, Verdict
from storage.clock import EPOCH, MICROSECOND, timestamp
from storage.database import Row
from storage.repositories.audit import Wanted
from storage.store import Storage

audit = typer.Typer(no_args_is_help=True, help="Who did or was denied what, and who says so.")

_HEAD = re.compile(r"([0-9]{1,18}):((?:[0-9a-f]{2})+)")
_FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"]

Org = Annotated[str | None, typer.Option(help="Only this organization's, by its UUID.")]


class TamperedWith(RingmainError):
    """The audit is not as Ringmain has left it."""


def _head(text: str | None) -> str | None:
    if text is not None and not _HEAD.fullmatch(text):
        raise typer.BadParameter("wanted is a head as `audit verify` prints it: PLACE:SEAL")
    return text


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment else None


# ---- verify ----


@audit.command("verify")
def verify(
    org: Org = None,
    head: Annotated[
        str | None, typer.Option(callback=_head, help="One noted earlier; needs --org.")
    ] = None,
    *,
    one_line: OneLine = False,
) -> None:
    """Check every row against the chain; exit 1 where one was changed, put in or taken out."""
    if head is not None and org is None:
        raise typer.BadParameter("--head needs --org: each organization has a chain of its own")

    async def work(storage: Storage) -> list[dict[str, Any]]:
        return [await _verified(storage, each, head) for each in await _whose(storage, org)]

    found = with_storage(work)
    show(found, one_line=one_line)
    if broken := [each for each in found if not each["whole"]]:
        raise TamperedWith("; ".join(_told(each) for each in broken) + ".")


async def _whose(storage: Storage, org: str | None) -> list[str]:
    if org is not None:
        await known(storage, org)
        return [org]
    named = {each.organization_uuid for each in await storage.organizations.list()}
    return sorted(named | {*await storage.audit.chained()})


async def _verified(storage: Storage, org: str, head: str | None) -> dict[str, Any]:
    unsealed = await storage.audit.unsealed(org)
    verdict = await storage.audit.verify(org)
    held = await storage.audit.holds(org, _sealed(head)) if head else None
    return {
        "organization_uuid": org,
        "whole": verdict.is_whole and held is not False,
        "rows": verdict.rows + unsealed,
        "sealed": verdict.rows,
        "unsealed": unsealed,
        **_findings(verdict),
        **({"noted_head": _HELD[held]} if head else {}),
    }


_HELD: Mapping[bool | None, str] = {
    True: "found",
    False: "missing",
    None: "older than what is kept",
}


def _findings(verdict: Verdict) -> dict[str, Any]:
    names = ("head", "altered", "inserted", "removed", "missing_keys", "record")
    return {name: getattr(verdict, name) for name in names}


def _sealed(head: str) -> Sealed:
    place, _, seal = head.partition(":")
    return Sealed(int(place), bytes.fromhex(seal))


def _told(found: Mapping[str, Any]) -> str:
    """Return what is wrong in an organization, in words."""
    told = [f"{word} {_few(found[name])}" for name, word in _WORDS.items() if found[name]]
    if not found["record"]:
        told.append("the record of where its chain begins and ends is not ours")
    if found.get("noted_head") == "missing":
        told.append("the noted head is not in its chain")
    return f"organization {found['organization_uuid']}: {', '.join(told)}"


_WORDS: Mapping[str, str] = {
    "altered": "altered rows (by id)",
    "inserted": "inserted rows (by id)",
    "removed": "removed rows (places from, to)",
    "missing_keys": "rows sealed with keys that the key ring lacks",
}


def _few(found: Any) -> str:
    named = [f"{name}: {n}" for name, n in found.items()] if isinstance(found, dict) else found
    more = f" and {len(named) - 10} more" if len(named) > 10 else ""
    return ", ".join(str(each) for each in named[:10]) + more


# ---- export ----


@audit.command("export")
def export(
    org: Org = None,
    since: Annotated[
        datetime | None, typer.Option(formats=_FORMATS, callback=_utc, help="From then on, UTC.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=_FORMATS, callback=_utc, help="Before then, UTC.")
    ] = None,
) -> None:
    """Print the rows as JSON Lines, oldest first, each with its place in the chain and its seal."""

    async def work(storage: Storage) -> None:
        for each in await _whose(storage, org):
            async for line in _lines(storage, each, Wanted(since=since, until=until)):
                sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()

    with_storage(work)


async def _lines(storage: Storage, org: str, wanted: Wanted) -> AsyncIterator[bytes]:
    async for row in storage.audit.rows(org, wanted):
        yield orjson.dumps(_line(row), option=orjson.OPT_APPEND_NEWLINE, default=repr)


_FIELDS = (
    "organization_uuid",
    "place",
    "id",
    "timestamp",
    "category",
    "actor",
    "action",
    "object",
    "charge_box_id",
    "result",
    "request_id",
    "details",
    "seal",
)


def _line(row: Row) -> Mapping[str, Any]:
    """Return a row as it may be read; what is no moment and no JSON as it stands."""
    told = {name: row[name] for name in _FIELDS}
    told["seal"] = row["seal"].hex() if isinstance(row["seal"], bytes) else row["seal"]
    try:
        told["timestamp"] = timestamp(EPOCH + row["timestamp"] * MICROSECOND)
        told["details"] = orjson.loads(row["details"])
    except (ValueError, TypeError, OverflowError):
        pass
    return told
