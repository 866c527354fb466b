"""Metrics of what is kept: how fast, how surely, and how far exports are behind."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import Metric

from api.metering.families import counter, gauge, histogram, known
from api.metering.sources import Sources
from storage.exporter import SinkStatus

_STATES = ("running", "error")


def of_storage(sources: Sources) -> Iterator[Metric]:
    """Tell how what happens gets to the disk."""
    group = sources.storage.group
    tally = group.tally
    told = "How long a batch of rows took to be committed, or to fail."
    yield histogram("journal_commit_seconds", told, {(): tally.commits})
    yield histogram("journal_batch_rows", "Rows of a batch.", {(): tally.rows})
    told = "1 while the database is away: nothing is taken and nobody is answered."
    yield gauge("storage_away", told, {(): float(group.away)})
    yield counter("storage_outages", "How often it went away.", {(): group.losses})
    told = "Rows that went with it; whoever waited for them was told."
    yield counter("storage_rows_lost", told, {(): tally.lost})
    told = "Rows that the database would not take."
    yield counter("storage_rows_refused", told, {(): tally.refused})
    told = "Position of the newest frame in the message log."
    yield gauge("journal_position", told, {(): sources.storage.journal.head})


def of_sinks(sources: Sources) -> Iterator[Metric]:
    """Tell how far exports are behind."""
    if sources.census.totals is None:
        return
    found = list(sources.census.sinks.found.values())
    by_state = {state: [each for each in found if each.state == state] for state in _STATES}
    counts = {(state,): len(sinks) for state, sinks in by_state.items()}
    yield gauge("sinks", "Data connectors that are enabled, by state.", counts, ("state",))
    told = "Age of the oldest record that the farthest behind has not stored yet."
    oldest = {(state,): _oldest(sinks) for state, sinks in by_state.items()}
    yield gauge("sink_lag_seconds", told, oldest, ("state",))
    told = "Records that are not stored yet, of all."
    records = {(state,): sum(s.lag_records for s in sinks) for state, sinks in by_state.items()}
    yield gauge("sink_lag_records", told, records, ("state",))


def of_the_census(sources: Sources) -> Iterator[Metric]:
    """Tell how old the numbers are that only the database knows."""
    told = "How long ago the database was asked for what only it knows."
    yield from known("census_age_seconds", told, sources.census.age)


def _oldest(sinks: list[SinkStatus]) -> float:
    return max((each.lag_seconds for each in sinks), default=0.0)
