"""
What makes up the next object: drawn from sizes and moments alone, before anything is rendered.

An object holds records of one UTC hour, because its name says which, and about as many bytes as
its owner wants.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Sequence
from datetime import datetime
from typing import NamedTuple

from storage.bus import Size
from storage.records import SinkBatch, SinkRecord
from storage.sink_options import SinkOptions

PROBE = "ringmain-probe-{}.gz"


class Span(NamedTuple):
    """Messages that can make up one object; a full one will not get any more of them."""

    first: int
    last: int
    records: int
    octets: int
    oldest: datetime
    full: bool


async def next_span(pages: AsyncIterable[Sequence[Size]], flush_bytes: int) -> Span | None:
    """Return the first messages of some, None where there are none."""
    span: Span | None = None
    async for page in pages:
        for size in page:
            if span is None:
                span = Span(size.seq, size.seq, 1, size.octets, size.moment, full=False)
            elif _hour(size.moment) != _hour(span.oldest):
                return span._replace(full=True)
            else:
                span = span._replace(
                    last=size.seq, records=span.records + 1, octets=span.octets + size.octets
                )
            if span.octets >= flush_bytes:
                return span._replace(full=True)
    return span


def batch_of(span: Span, sink: SinkRecord) -> SinkBatch:
    """Return the batch of a span, under the name that its object has for good."""
    options, hour = SinkOptions.of(sink.configuration), span.oldest
    name = (
        f"organization={sink.organization_uuid}/date={hour:%Y-%m-%d}/hour={hour:%H}/"
        f"{sink.id}-{span.first}-{span.last}.jsonl.gz"
    )
    return SinkBatch(
        first=span.first,
        last=span.last,
        records=span.records,
        object_name=options.place(name),
        hash_tokens=options.hash_id_tags,
    )


def probe_of(sink: SinkRecord) -> str:
    """Return the name of the object that a test stores and removes, apart from all records."""
    return SinkOptions.of(sink.configuration).place(PROBE.format(sink.id))


def _hour(moment: datetime) -> tuple[int, int]:
    return moment.toordinal(), moment.hour
