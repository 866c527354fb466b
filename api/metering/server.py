"""Metrics of the process: what people ask of it, and how it is."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib.metadata import version

from prometheus_client.core import Metric

from api.metering.families import counter, gauge, histogram, known
from api.metering.sources import Sources


def of_the_api(sources: Sources) -> Iterator[Metric]:
    """Tell what was asked by REST."""
    tally = sources.tally
    requests = {(name, str(status)): count for (name, status), count in tally.requests.items()}
    told = "Requests, by the operation's name in the OpenAPI document; status 0: hung up."
    yield counter("http_requests", told, requests, ("operation", "status"))
    latencies = {(name,): one for name, one in tally.latencies.items()}
    told = "How long they took; what streams is not among them."
    yield histogram("http_request_seconds", told, latencies, ("operation",))
    yield gauge("http_connections", "Open connections of clients.", {(): tally.sockets})
    limited = {(who,): tally.limited[who] for who in ("callers", "strangers")}
    told = "Requests that were refused because there were too many."
    yield counter("http_rate_limited", told, limited, ("of",))
    told = "Commands to chargers, by how their record ended."
    yield counter("commands", told, dict(tally.commands), ("action", "outcome"))


def of_the_process(sources: Sources) -> Iterator[Metric]:
    """Tell how the process is; the rest is told by prometheus-client itself."""
    told = "How much too late a timer of the event loop was."
    yield histogram("event_loop_lag_seconds", told, {(): sources.lag.lags})
    told = "The longest of these in the last minute."
    yield gauge("event_loop_lag_worst_seconds", told, {(): sources.lag.worst})
    yield from known("tasks", "Tasks of the event loop.", sources.census.tasks)
    told = "Which Ringmain this is; always 1."
    built = (version("ringmain"), platform.python_version())
    yield gauge("build_info", told, {built: 1}, ("version", "python"))
