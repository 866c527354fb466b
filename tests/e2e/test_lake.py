"""DuckDB reads what a run with two organizations and 50 chargers left in a bucket.

The view and the queries are those of docs/connectors.md, word for word.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import duckdb
import pytest
from sqlalchemy import select

from simulators.charger import Charger
from simulators.fleet import Fleet
from storage.clock import Clock, SystemClock
from storage.journal import message_of
from storage.records import ChargerKey, Message
from storage.schema import messages
from storage.store import open_storage
from tests.e2e.exports import Site, Tenant, charges, served
from tests.stores import GcpOAuth, S3Store

DOCUMENT = Path(__file__).parents[2] / "docs/connectors.md"
VERSIONS = ("1.6", "2.0.1", "2.1")
FLEETS = (30, 20)  # chargers of the two organizations
# What chargers say that is hard on readers; the last two are not read by us either.
AWKWARD = (
    b'[2,"1","DataTransfer",{"vendorId":"v","data":"NUL \\u0000 and \\u2028"}]',
    b'[2,"2","DataTransfer",{"vendorId":"first","vendorId":"last"}]',
    b'[2,"3","DataTransfer",{"vendorId":"v","n":12345678901234567890123,\r\n"f":6.0}]',
    b'[4,"4","GenericError","said \\"no\\"",{}]',
    b"\x00\xff not json\r\n",
    '[2,"5","MeterVal 🔌'.encode(),
)


class Earlier(Clock):
    """A clock that is two hours slow, so that what it dates is in other partitions."""

    def now(self) -> datetime:
        return datetime.now(UTC) - timedelta(hours=2)


# ---- a run ----


async def said_before(data_dir: Path) -> Tenant:
    """Make the second organization, to whose log belongs what is awkward; return it."""
    async with open_storage(data_dir, Earlier()) as storage:
        organization = await storage.organizations.create("second")
        uuid = organization.organization_uuid
        _, key = await storage.api_keys.create(uuid, "admin")
        for number, frame in enumerate(AWKWARD):
            kind, action = ("Call", "DataTransfer") if frame.startswith(b"[2") else ("", None)
            known = {3: "CallError", 4: "Unreadable", 5: "Unreadable"}.get(number, kind)
            storage.journal.append(
                ChargerKey(uuid, "CP 000"),
                "charger_to_platform",
                "1.6",
                known,  # type: ignore[arg-type]  # one of its words
                None if known == "Unreadable" else str(number + 1),
                None if known == "Unreadable" else action,
                frame,
            )
        await storage.journal.flush()
        return Tenant(uuid, key)


@contextlib.asynccontextmanager
async def seen_by(tenant: Tenant, site: Site) -> AsyncIterator[Site]:
    """Return the same server as another organization sees it."""
    headers = {"Authorization": f"Bearer {tenant.key}"}
    async with aiohttp.ClientSession(site.http, headers=headers) as session:
        yield replace(site, tenant=tenant, session=session)


async def exported(site: Site, store: S3Store, bucket: str) -> str:
    """Export all that there is and will be of an organization, to a bucket of both."""
    configuration = {
        **store.configuration(bucket),
        "prefix": "lake",
        "start": "earliest",
        "flush_seconds": 1,
    }
    body = {"name": "lake", "type": "aws_s3", "configuration": configuration}
    return await site.create({**body, "credentials": store.credentials})


async def charged(site: Site, count: int) -> None:
    """Let so many chargers of an organization charge once, all at the same time."""
    base = f"{site.ocpp}/{site.tenant.uuid}/ocpp_proxy"
    names = [f"CP {number:03}" for number in range(count)]
    passwords = await asyncio.gather(*map(site.enrol, names))
    chargers = [
        Charger(base, name, password, VERSIONS[number % len(VERSIONS)])
        for number, (name, password) in enumerate(zip(names, passwords, strict=True))
    ]
    async with Fleet(chargers).running() as fleet:
        await fleet.wait_connected()
        await asyncio.gather(*(charges(Fleet([charger])) for charger in chargers))


async def ran(data_dir: Path, store: S3Store, bucket: str, token_uri: str) -> None:
    """Run both organizations until all that was said is in the bucket."""
    second = await said_before(data_dir)
    async with served(data_dir, token_uri) as first, seen_by(second, first) as other:
        sites = (first, other)
        connectors = [await exported(site, store, bucket) for site in sites]
        await asyncio.gather(*map(charged, sites, FLEETS))
        for site, connector in zip(sites, connectors, strict=True):
            await site.delivered([connector])


def copied(store: S3Store, bucket: str, folder: Path) -> list[str]:
    """Copy a bucket to a folder, and return the names of its objects."""
    objects = store.objects(bucket)
    for name, content in objects.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return list(objects)


async def logged(data_dir: Path) -> list[Message]:
    async with open_storage(data_dir, SystemClock()) as storage:
        rows = await storage.database.fetch(select(messages).order_by(messages.c.seq))
        return [message_of(row) for row in rows]


# ---- what the document says ----


def blocks() -> list[str]:
    """Return what the document tells to run on a local copy: the view, and then the queries."""
    section = DOCUMENT.read_text().partition("\n### DuckDB, on a local copy\n")[2]
    return re.findall(
        r"^```sql\n(.*?)^```", section.partition("\n### ")[0], re.MULTILINE | re.DOTALL
    )


def told(message: Message) -> tuple[object, ...]:
    """Return what the lake is to hold of a message."""
    frame = message.frame
    payload = raw = None
    if message.message_type == "Unreadable":
        raw = frame.decode(errors="backslashreplace")
    else:
        payload = paid(message.message_type, json.loads(frame))
    moment = int(message.timestamp.timestamp() * 1_000_000 + 0.5)
    return (
        message.seq,
        moment,
        *message.key,
        message.direction,
        message.ocpp_version,
        message.message_type,
        message.message_id,
        message.action,
        payload,
        raw,
        message.proxy_configuration_id,
        message.key.organization_uuid,
        message.timestamp.strftime("%Y-%m-%d %H"),
    )


def paid(message_type: str, frame: Sequence[Any]) -> Any:
    if message_type.endswith("Error"):
        names = ("errorCode", "errorDescription", "errorDetails")
        return dict(zip(names, frame[2:], strict=True))
    return frame[2] if message_type == "CallResult" else frame[3]


def held(lake: duckdb.DuckDBPyConnection) -> list[tuple[object, ...]]:
    """Return what the lake holds, in the order of the log."""
    rows = lake.execute(
        "SELECT seq, epoch_us(timestamp), organization_uuid, charge_box_id, direction,"
        " ocpp_version, message_type, message_id, action, payload, raw, proxy_configuration_id,"
        " organization, strftime(date, '%Y-%m-%d') || format(' {:02}', hour)"
        " FROM messages ORDER BY seq"
    ).fetchall()
    return [(*row[:9], row[9] and json.loads(row[9]), *row[10:]) for row in rows]


def count(lake: duckdb.DuckDBPyConnection, query: str) -> int:
    """Return how many rows a query has, or writes."""
    if not query.startswith("COPY"):  # to fetch what it finds, Python would need pytz
        query = f"SELECT count(*) FROM ({query.rstrip().rstrip(';')})"
    [[rows]] = lake.execute(query).fetchall()
    return int(rows)


def opened(lake: duckdb.DuckDBPyConnection, condition: str) -> tuple[int, int]:
    """Return how many files are opened under a condition, and of how many."""
    plan = lake.execute(f"EXPLAIN ANALYZE SELECT count(payload) FROM messages WHERE {condition}")
    found = re.search(r"Scanning Files: (\d+)/(\d+)", str(plan.fetchall()))
    assert found
    return int(found[1]), int(found[2])


@pytest.mark.sqlite_only("what is exported is the same on both; this is about who reads it")
async def test_duckdb_reads_a_run_as_it_is_in_the_log(
    tmp_path: Path, s3_store: S3Store, gcp_oauth: GcpOAuth, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = s3_store.new_bucket()
    await ran(tmp_path / "data", s3_store, bucket, gcp_oauth.url)
    names = copied(s3_store, bucket, tmp_path)
    said = await logged(tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    view, *queries = blocks()

    with duckdb.connect(config={"threads": 1}) as lake:
        lake.execute("SET TimeZone = 'UTC'")
        lake.execute(view)

        assert held(lake) == [told(message) for message in said]
        assert_in_order(lake, view, names, said)
        assert_pruned(lake, names)
        for query in queries:
            assert count(lake, query), query
        assert_answered(lake, queries, said)


def assert_in_order(
    lake: duckdb.DuckDBPyConnection, view: str, names: Sequence[str], said: Sequence[Message]
) -> None:
    """Look at each charger's records as they stand in its objects, without sorting them."""
    lake.execute(view.replace("messages", "stored").replace("SELECT *", "SELECT filename, *"))
    stood = defaultdict(list)
    for name in sorted(names, key=lambda name: int(name.split("-")[-2])):
        found = "SELECT organization, charge_box_id, seq FROM stored WHERE filename = ?"
        for organization, charger, seq in lake.execute(found, [name]).fetchall():
            stood[ChargerKey(organization, charger)].append(seq)
    expected = defaultdict(list)
    for message in said:
        expected[message.key].append(message.seq)
    assert stood == expected
    chargers = Counter(key.organization_uuid for key in expected)
    assert sorted(chargers.values(), reverse=True) == list(FLEETS)


def assert_pruned(lake: duckdb.DuckDBPyConnection, names: Sequence[str]) -> None:
    """Look at how many files are opened for each partition."""
    parts: Mapping[str, int] = Counter(name.rpartition("/")[0] for name in names)
    assert len(parts) > 2
    for part, objects in parts.items():
        organization, date, hour = (each.split("=")[1] for each in part.split("/")[1:])
        condition = f"organization = '{organization}' AND date = '{date}' AND hour = {hour}"
        assert opened(lake, condition) == (objects, len(names))


def assert_answered(
    lake: duckdb.DuckDBPyConnection, queries: Sequence[str], said: Sequence[Message]
) -> None:
    """Look at the documented pairs of calls and answers, and at what was awkward."""
    [paired] = [query for query in queries if "ASOF JOIN" in query]
    answers = [m for m in said if m.message_type == "CallResult"]
    assert count(lake, paired) == len(answers)
    [repeated] = [query for query in queries if "repeated" in query]
    assert [row[1] for row in lake.execute(repeated).fetchall()] == [0, 0]
    [last] = lake.execute(
        "SELECT payload ->> 'vendorId' FROM messages WHERE message_id = '2' AND action ="
        " 'DataTransfer' AND charge_box_id = 'CP 000' ORDER BY seq LIMIT 1"
    ).fetchall()
    assert last == ("last",)
