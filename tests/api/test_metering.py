"""What a scrape tells: also while storage is away, when many ask, and of very much."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, GCCollector
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from api.metering.census import Census, Rota
from api.metering.collector import metering
from api.metering.exposition import Exposition
from api.metering.families import counter, gauge, histogram
from api.metering.sources import Sources
from csms.doorstep import Doorstep
from csms.registry import Registry
from csms.security_events import SecurityEvents
from csms.tallies import DoorTally, LinkTally, known_actions
from proxy.states import State
from storage.clock import SystemClock
from storage.exporter import SinkStatus
from storage.records import ProxyConfiguration, SinkProgress, SinkRecord, Waiting
from storage.store import Storage, open_storage
from storage.tallies import Histogram

pytestmark = pytest.mark.sqlite_only("counts in memory; what is counted in storage is two sums")


@dataclass
class Gate:
    """A door at which nobody stands."""

    links: LinkTally = field(default_factory=lambda: LinkTally(known_actions()))
    tally: DoorTally = field(default_factory=DoorTally)
    doorstep: Doorstep = field(default_factory=Doorstep)


@dataclass
class Targets:
    """Links to no targets."""

    links: LinkTally = field(default_factory=lambda: LinkTally(known_actions()))
    waited: list[tuple[ProxyConfiguration, int]] = field(default_factory=list)

    def states(self) -> Counter[State]:
        return Counter({State.READY: 2, State.BACKOFF: 1})

    def waited_for(self) -> list[tuple[ProxyConfiguration, int]]:
        return self.waited


@dataclass
class Exports:
    """Sinks that are as far behind as they say."""

    sinks: tuple[SinkRecord, ...] = ()

    async def status(self, _sink: SinkRecord) -> SinkStatus:
        return SinkStatus(
            state="error",
            progress=SinkProgress(position=0),
            lag_records=7,
            lag_seconds=30.0,
            last_error=None,
            last_error_at=None,
        )


def sources_of(storage: Storage, **more: float) -> Sources:
    clock, targets = SystemClock(), Targets()
    return Sources(
        storage=storage,
        clock=clock,
        registry=Registry(),
        gateway=Gate(),
        relays=targets,
        events=SecurityEvents(storage.audit, clock),
        census=Census(storage, targets, Exports(), **more),
    )


def samples(text: bytes) -> dict[str, float]:
    """Return what a scrape says, by name and labels as they are written."""
    families = text_string_to_metric_families(text.decode())
    return {_name(sample): sample.value for family in families for sample in family.samples}


def _name(sample: Sample) -> str:
    return " ".join([sample.name, *(f"{n}={v}" for n, v in sorted(sample.labels.items()))])


async def scraped(sources: Sources) -> dict[str, float]:
    async with metering(sources, CollectorRegistry()) as metered:
        return samples((await metered.exposition.text("")).body)


# ---- families ----


def test_a_histogram_counts_what_is_below_too() -> None:
    counted = Histogram((1.0, 2.0))
    for value in (0.5, 1.5, 9.0):
        counted.note(value)
    family = histogram("x_seconds", "Help.", {("a",): counted}, ("action",))
    told = {sample.labels.get("le"): sample.value for sample in family.samples}

    assert told == {"1.0": 1, "2.0": 2, "+Inf": 3, None: 11.0}


def test_counters_and_gauges_are_named_alike() -> None:
    [counted] = counter("done", "Help.", {("a",): 2}, ("action",)).samples
    [told] = gauge("there", "Help.", {(): 3}).samples

    assert (counted.name, counted.labels) == ("ringmain_done_total", {"action": "a"})
    assert (told.name, told.value) == ("ringmain_there", 3)


# ---- a scrape ----


async def test_all_parts_are_told(tmp_path: Path) -> None:
    async with open_storage(tmp_path, SystemClock()) as storage:
        await storage.queues.note_position(1, 1)
        sources = sources_of(storage)
        sources.gateway.tally.refused["password"] += 1
        sources.events.counted["UnknownCharger"] += 2
        found = await scraped(sources)

    assert found["ringmain_target_links state=ready"] == 2
    assert found["ringmain_target_links state=disabled"] == 0
    assert found["ringmain_handshakes_refused_total reason=password"] == 1
    assert found["ringmain_handshakes_refused_total reason=storage"] == 0
    assert found["ringmain_security_events_total type=UnknownCharger"] == 2
    assert found["ringmain_journal_batch_rows_count"] >= 1
    assert found["ringmain_storage_away"] == 0
    assert found["ringmain_dead_letters"] == 0
    assert found["ringmain_census_age_seconds"] >= 0
    assert found["ringmain_chargers_enrolled ocpp_version=1.6"] == 0
    assert found["process_cpu_seconds_total"] > 0
    assert found["python_gc_collections_total generation=0"] >= 0


async def test_without_storage_the_rest_is_told(tmp_path: Path) -> None:
    async with open_storage(tmp_path, SystemClock()) as storage:
        sources = sources_of(storage)
        await storage.database.close()
        storage.queues.note_position(1, 1)
        await asyncio.wait([storage.queues.note_position(1, 2)])
        found = await scraped(sources)

    assert found["ringmain_storage_away"] == 1
    assert found["ringmain_storage_rows_lost_total"] == 2
    assert found["ringmain_tasks"] >= 1
    unknown = {"ringmain_dead_letters", "ringmain_queue_messages", "ringmain_census_age_seconds"}
    assert not unknown & found.keys()


async def test_a_database_that_does_not_answer_holds_up_no_scrape(tmp_path: Path) -> None:
    async with open_storage(tmp_path, SystemClock()) as storage:
        sources = sources_of(storage, patience=0)
        async with storage.database.transaction() as transaction:
            del transaction
            found = await scraped(sources)

    assert "ringmain_links link=charger" in found


class Slow(Collector):
    """Count how often it is collected."""

    def __init__(self) -> None:
        self.collected = 0

    def collect(self) -> Iterable[Metric]:
        self.collected += 1
        return ()


async def test_however_many_ask_it_is_written_once() -> None:
    registry, slow = CollectorRegistry(), Slow()
    registry.register(slow)
    slow.collected = 0
    exposition = Exposition(registry, fresh_seconds=3600)
    told = await asyncio.gather(*(exposition.text("text/plain") for _ in range(100)))

    assert slow.collected == 1
    assert len({scrape.body for scrape in told}) == 1


async def test_each_scrape_is_new_when_the_last_one_is_old() -> None:
    registry, slow = CollectorRegistry(), Slow()
    registry.register(slow)
    GCCollector(registry=registry)
    slow.collected = 0
    exposition = Exposition(registry, fresh_seconds=0)
    for _ in range(2):
        await exposition.text("")

    assert slow.collected == 2


async def test_formats_that_nobody_has_heard_of_fill_no_memory() -> None:
    exposition = Exposition(CollectorRegistry(), fresh_seconds=0)
    for number in range(5):
        await exposition.text(f"application/openmetrics-text; version={number + 100}")

    assert len(exposition._written) == 1


# ---- the census ----


async def test_a_rota_looks_at_those_first_that_wait_for_longest() -> None:
    rota: Rota[str, str] = Rota(most=2)

    async def ask(thing: str) -> str:
        return thing.upper()

    things = {name: name for name in "abc"}
    await rota.look(things.items(), ask)
    assert list(rota.found) == ["a", "b"]
    await rota.look(things.items(), ask)
    assert list(rota.found) == ["b", "c", "a"]
    await rota.look([("c", "c")], ask)
    assert rota.found == {"c": "C"}


async def test_storage_is_asked_seldom_and_by_one_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_storage(tmp_path, SystemClock()) as storage:
        census = sources_of(storage, every=3600).census
        await asyncio.gather(*(census.refresh() for _ in range(20)))
        first, age = census.totals, census.age
        await census.refresh()

        assert first is not None
        assert census.totals is first
        assert age is not None
        await census.close()


async def test_what_waits_and_what_is_behind_is_told_of_all_together(tmp_path: Path) -> None:
    async with open_storage(tmp_path, SystemClock()) as storage:
        sources = sources_of(storage)
        await sources.census.refresh()
        long_ago = datetime.now(UTC) - timedelta(seconds=600)
        sources.census.queues.found = {
            1: Waiting(3, 300, long_ago),
            2: Waiting(4, 400, datetime.now(UTC)),
            3: Waiting(0, 0, None),
        }
        sources.census.sinks.found = {"a": await Exports().status(None)}  # type: ignore[arg-type]  # it looks at none
        found = await scraped(sources)

    assert (found["ringmain_queues_waiting"], found["ringmain_queue_messages"]) == (2, 7)
    assert 600 <= found["ringmain_queue_oldest_seconds"] < 660
    assert found["ringmain_sinks state=error"] == 1
    assert found["ringmain_sink_lag_seconds state=error"] == 30
    assert found["ringmain_sink_lag_records state=error"] == 7
    assert found["ringmain_sinks state=running"] == 0
