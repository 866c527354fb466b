"""Make what Prometheus reads of what was counted: one function for each kind of metric."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import TypeVar

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from storage.tallies import Histogram

# The values of the labels, in their order.
Labels = TypeVar("Labels", bound=tuple[str, ...])
_INFINITY = "+Inf"


def gauge(
    name: str, help: str, values: Mapping[Labels, float], labels: Sequence[str] = ()
) -> Metric:
    """Return what goes up and down."""
    family = GaugeMetricFamily(f"ringmain_{name}", help, labels=labels)
    for told, value in values.items():
        family.add_metric(told, value)
    return family


def known(name: str, help: str, value: float | None) -> Iterable[Metric]:
    """Return one number, or nothing where it is not known."""
    return () if value is None else (gauge(name, help, {(): value}),)


def counter(
    name: str, help: str, values: Mapping[Labels, float], labels: Sequence[str] = ()
) -> Metric:
    """Return what only grows while the process lives; its name ends in ``_total``."""
    family = CounterMetricFamily(f"ringmain_{name}", help, labels=labels)
    for told, value in values.items():
        family.add_metric(told, value)
    return family


def histogram(
    name: str, help: str, values: Mapping[Labels, Histogram], labels: Sequence[str] = ()
) -> Metric:
    """Return how often values were within bounds."""
    family = HistogramMetricFamily(f"ringmain_{name}", help, labels=labels)
    for told, counted in values.items():
        bounds = [*map(repr, counted.bounds), _INFINITY]
        buckets = list(zip(bounds, accumulate(counted.counts), strict=True))
        family.add_metric(told, buckets, counted.total)
    return family
