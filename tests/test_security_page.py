"""Whatever is required of security has a test, and docs/security.md lists all of them."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.security.page import PAGE, Test, found, of_requirement, of_weakness, page, summed
from tests.security.requirements import REQUIREMENTS, WEAKNESSES, Requirement, Weakness

TESTS = found()
ONE = Test("tests/security/test_s01_doors.py", "test_a")


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=lambda each: each.name)
def test_a_requirement_has_a_test(requirement: Requirement) -> None:
    assert of_requirement(requirement, TESTS)


@pytest.mark.parametrize("weakness", WEAKNESSES, ids=lambda each: each.name)
def test_a_weakness_of_others_has_a_test_of_its_number(weakness: Weakness) -> None:
    assert of_weakness(weakness, TESTS)


def test_a_file_of_tests_belongs_to_a_requirement_or_its_tests_to_a_weakness() -> None:
    listed = {test for each in REQUIREMENTS for test in of_requirement(each, TESTS)}
    listed |= {test for each in WEAKNESSES for test in of_weakness(each, TESTS)}

    assert [test for test in TESTS if test not in listed] == []


def test_the_page_lists_exactly_the_tests_that_there_are() -> None:
    listed = set(re.findall(r"`(tests/security/\w+\.py)::(\w+)`", PAGE.read_text()))

    assert listed == {(test.file, test.name) for test in TESTS}, "run `make security`"


def test_the_page_says_of_each_requirement_what_it_asks() -> None:
    text = PAGE.read_text()

    assert [each.name for each in (*REQUIREMENTS, *WEAKNESSES) if each.asks not in text] == []
    assert "failed" not in text.partition("|")[2]


def test_tests_are_found_as_they_are_written(tmp_path: Path) -> None:
    files = {Path(test.file).name for test in TESTS}

    assert "test_s16_secrets.py" in files
    assert found(tmp_path) == []


def test_a_test_is_listed_under_its_requirement_with_how_it_ended() -> None:
    text = page([ONE], {ONE: Counter({"passed on SQLite": 2, "passed on PostgreSQL": 1})})

    (row,) = [line for line in text.splitlines() if line.startswith("| S-01 |")]
    assert f"| {ONE} | 1 passed on PostgreSQL, 2 passed on SQLite |" in row
    assert text.count(str(ONE)) == 1
    assert "| none yet | not run |" in text


def test_a_test_that_carries_a_number_is_listed_under_its_weakness() -> None:
    one = Test("tests/security/test_s04_x.py", "test_it_is_refused_cve_2026_24912")

    assert [each.name for each in WEAKNESSES if of_weakness(each, [one])] == ["CWE-613"]


def test_what_was_not_run_is_said() -> None:
    assert summed([ONE], {}) == "not run"
