"""The command line of the audit: `ringmain audit verify | export`, also beside a running server."""

from __future__ import annotations

import re
import sys
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any

import orjson
import typer

from csms import arguments
from csms.completing import ORGANIZATIONS
from csms.errors import RingmainError
from csms.examples import examples
from csms.progress import Advance, shown
from csms.terminal import OneLine, known, show, until_closed, with_storage
from storage.audit_chain import Sealed, Verdict
from storage.clock import EPOCH, MICROSECOND, timestamp
from storage.database import Row
from storage.repositories.audit import Wanted
from storage.store import Storage

audit = typer.Typer(no_args_is_help=True, help="Who did or was denied what, and who says so.")

_HEAD = re.compile(r"([0-9]{1,18}):((?:[0-9a-f]{2})+)")

Org = Annotated[
    str | None,
    typer.Option(help="Only this organization's, by its UUID.", autocompletion=ORGANIZATIONS),
]
_AGO = "a time in UTC, or how long ago: 15m, 2h, 3d."


class TamperedWith(RingmainError):
    """The audit is not as Ringmain has left it."""


def _head(text: str | None) -> str | None:
    if text is not None and not _HEAD.fullmatch(text):
        raise typer.BadParameter("wanted is a head as `audit verify` prints it: PLACE:SEAL")
    return text


# ---- verify ----


@audit.command(
    "verify",
    epilog=examples(
        "ringmain audit verify",
        'ringmain audit verify --org "$ORG" --json',
        'ringmain audit verify --org "$ORG" --head 3:e7d7a009ce9eb5ad',
    ),
)
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
        whose = await _whose(storage, org)
        with shown("verifying", sum([await _rows(storage, each) for each in whose])) as advance:
            return [await _verified(storage, each, head, advance) for each in whose]

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


async def _rows(storage: Storage, org: str) -> int:
    """Return how many rows a chain says that it has."""
    chain = await storage.audit.chain(org)
    return chain.last_place - chain.anchor_place if chain else 0


async def _verified(
    storage: Storage, org: str, head: str | None, advance: Advance
) -> dict[str, Any]:
    unsealed = await storage.audit.unsealed(org)
    verdict = await storage.audit.verify(org, walked=lambda rows: advance(rows, ""))
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


@audit.command(
    "export",
    epilog=examples(
        "ringmain audit export > audit.jsonl",
        'ringmain audit export --org "$ORG" --since 2026-11-01 --until 2026-12-01',
    ),
)
def export(
    org: Org = None,
    since: Annotated[
        Any,
        typer.Option(parser=str, callback=arguments.moment, metavar="TIME", help=f"From {_AGO}"),
    ] = None,
    until: Annotated[
        Any,
        typer.Option(parser=str, callback=arguments.moment, metavar="TIME", help=f"Before {_AGO}"),
    ] = None,
) -> None:
    """Print the rows as JSON Lines, oldest first, each with its place in the chain and its seal."""

    async def work(storage: Storage) -> None:
        with shown("exporting", None) as advance:
            for each in await _whose(storage, org):
                async for line in _lines(storage, each, Wanted(since=since, until=until)):
                    sys.stdout.buffer.write(line)
                    advance(1, "")

    with until_closed():
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
