"""Our two types lose nothing on the way through a database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects.sqlite import dialect as sqlite

from storage.columns import Json, UtcTime

DIALECT = sqlite()


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_moment_keeps_its_microseconds(moment: datetime) -> None:
    stored = UtcTime().process_bind_param(moment, DIALECT)

    assert UtcTime().process_result_value(stored, DIALECT) == moment


def test_a_moment_of_another_zone_is_the_same_moment() -> None:
    moment = datetime(2026, 3, 1, 14, 0, tzinfo=timezone(timedelta(hours=2)))

    stored = UtcTime().process_bind_param(moment, DIALECT)
    back = UtcTime().process_result_value(stored, DIALECT)

    assert back == moment
    assert back is not None
    assert back.tzinfo is UTC


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ).filter(lambda document: document is not None)
)
def test_a_document_comes_back(document: Any) -> None:
    stored = Json().process_bind_param(document, DIALECT)

    assert isinstance(stored, str)
    assert Json().process_result_value(stored, DIALECT) == document


def test_nothing_stays_nothing() -> None:
    for kind in (UtcTime(), Json()):
        assert kind.process_bind_param(None, DIALECT) is None
        assert kind.process_result_value(None, DIALECT) is None
