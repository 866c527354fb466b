from __future__ import annotations

from datetime import UTC, datetime

import pytest

from simulators.connections import Connection
from simulators.sockets import basic


def connection(**headers: str) -> Connection:
    return Connection(1, datetime(2026, 1, 1, tzinfo=UTC), "CP", "/CP", headers)


def test_credentials_are_split_at_the_first_colon_and_may_be_raw_bytes() -> None:
    assert connection(authorization=basic("CP", b"\xff:\x00")).credentials == ("CP", b"\xff:\x00")


@pytest.mark.parametrize("header", ["", "Bearer x", "Basic ***"])
def test_no_basic_authentication_is_no_credentials(header: str) -> None:
    assert connection(authorization=header).credentials is None


def test_a_connection_that_was_refused_never_lived() -> None:
    assert not connection().live
