"""An object holds messages of one hour, and no more than it needs to be large enough."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.batches import Span, batch_of, next_span, probe_of
from storage.bus import Size
from tests.storage.doubles import NOON
from tests.storage.records import sink

SIZES = st.lists(
    st.tuples(st.integers(1, 3), st.integers(-90, 90), st.integers(1, 50)), max_size=30
)


def sizes_of(drawn: Sequence[tuple[int, int, int]]) -> list[Size]:
    """Make sizes of steps: in position, in minutes, and how many bytes there are."""
    seq, moment, made = 0, NOON, list[Size]()
    for more, minutes, octets in drawn:
        seq, moment = seq + more, moment + timedelta(minutes=minutes)
        made.append(Size(seq, moment, octets))
    return made


async def paged(sizes: Sequence[Size], length: int) -> AsyncIterator[Sequence[Size]]:
    for start in range(0, len(sizes), length):
        yield sizes[start : start + length]


@given(drawn=SIZES, flush_bytes=st.integers(1, 120), length=st.integers(1, 7))
async def test_all_are_in_one_object_each_however_they_are_read(
    drawn: Sequence[tuple[int, int, int]], flush_bytes: int, length: int
) -> None:
    sizes, spans, rest = sizes_of(drawn), list[Span](), sizes_of(drawn)
    while span := await next_span(paged(rest, length), flush_bytes):
        spans.append(span)
        rest = [size for size in rest if size.seq > span.last]

    held = [[size for size in sizes if one.first <= size.seq <= one.last] for one in spans]
    assert [size for each in held for size in each] == sizes
    for one, each in zip(spans, held, strict=True):
        assert (one.records, one.octets) == (len(each), sum(size.octets for size in each))
        assert {size.moment.replace(minute=0) for size in each} == {one.oldest.replace(minute=0)}
        assert one.octets - each[-1].octets < flush_bytes
        assert one.full or one is spans[-1]
    for before, behind in pairwise(held):
        another = before[-1].moment.replace(minute=0) != behind[0].moment.replace(minute=0)
        assert another or sum(size.octets for size in before) >= flush_bytes


@pytest.mark.parametrize(
    ("prefix", "begins"),
    [({}, "organization="), ({"prefix": "a/b"}, "a/b/organization="), ({"prefix": ""}, "org")],
)
def test_a_name_says_whose_when_and_which(prefix: dict[str, Any], begins: str) -> None:
    moment = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    record = sink("organization-a", "sink-7", hash_id_tags=True, **prefix)

    batch = batch_of(Span(11, 15, 3, 999, moment, full=True), record)

    assert batch.object_name.startswith(begins)
    assert batch.object_name.endswith(
        "organization=organization-a/date=2026-01-02/hour=03/sink-7-11-15.jsonl.gz"
    )
    assert (batch.first, batch.last, batch.records, batch.hash_tokens) == (11, 15, 3, True)
    assert probe_of(record).endswith("ringmain-probe-sink-7.gz")
    assert "organization=" not in probe_of(record)
