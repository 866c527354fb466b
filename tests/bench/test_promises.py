"""What schemathesis is told of us: which refusals no schema can say, and whose paths it tries."""

from __future__ import annotations

import pytest

from bench.promises.checks import BEYOND, is_beyond


@pytest.mark.parametrize(
    "field",
    ["cursor", "configuration.bucket", "target_ca_certificate", "chargers.0", "limit"],
)
def test_what_no_schema_can_say_may_be_refused(field: str) -> None:
    assert is_beyond({field})


@pytest.mark.parametrize("named", [set(), {"scope"}, {"cursor", "charge_box_id"}, {"pretty"}])
def test_what_a_schema_can_say_may_not(named: set[str]) -> None:
    assert not is_beyond(named)


def test_each_has_its_reason() -> None:
    assert all(reason.strip() for reason in BEYOND.values())
