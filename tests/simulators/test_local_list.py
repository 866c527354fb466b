from __future__ import annotations

from datetime import UTC, datetime

import pytest

from simulators.local_list import LocalList

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
YES, NO = {"status": "Accepted"}, {"status": "Blocked"}


def test_a_full_list_replaces_and_a_difference_changes() -> None:
    kept = LocalList()
    kept.update(5, "Full", {"A": YES, "B": YES})
    changed = kept.update(6, "Differential", {"A": None, "C": NO})

    assert changed == "Accepted"
    assert (kept.version, kept.entries) == (6, {"B": YES, "C": NO})
    assert kept.update(2, "Full", {"D": YES}) == "Accepted"
    assert (kept.version, kept.entries) == (2, {"D": YES})


@pytest.mark.parametrize("version", [4, 5])
def test_a_difference_to_no_newer_version_is_a_mismatch(version: int) -> None:
    kept = LocalList()
    kept.update(5, "Full", {"A": YES})

    assert kept.update(version, "Differential", {"A": None}) == "VersionMismatch"
    assert kept.entries == {"A": YES}


@pytest.mark.parametrize("kind", ["Full", "Differential"])
@pytest.mark.parametrize("version", [0, -1])
def test_versions_that_mean_no_list_are_none_to_install(version: int, kind: str) -> None:
    assert LocalList().update(version, kind, {"A": YES}) == "Failed"


def test_an_empty_list_has_the_version_0() -> None:
    """1.6 §5.10, 2.0.1 D01.FR.04."""
    kept = LocalList()
    kept.update(5, "Full", {"A": YES})
    kept.update(6, "Full", {})

    assert (kept.version, kept.entries) == (0, {})


@pytest.mark.parametrize("end", ["expiryDate", "cacheExpiryDateTime"])
def test_a_token_is_accepted_by_its_entry_until_that_ends(end: str) -> None:
    kept = LocalList()
    early = {**YES, end: "2026-01-01T12:00:00Z"}
    late = {**YES, end: "2026-01-01T12:00:01Z"}
    kept.update(1, "Full", {"yes": YES, "no": NO, "early": early, "late": late})

    verdicts = [kept.accepts(token, NOON) for token in ("yes", "no", "early", "late", "other")]

    assert verdicts == [True, False, False, True, None]
