"""
Write docs/security.md: which tests show what is required, and how they ended.

`make security` runs this. Nothing is written unless all of them passed.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.security.requirements import REQUIREMENTS, WEAKNESSES, Requirement, Weakness

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent.parent
PAGE = ROOT / "docs/security.md"

HEAD = """# What is required of security, and what shows it

Written by `make security`, which runs these tests, each over real sockets against a whole
server or the part that is asked; change nothing here by hand. Not one of them failed when this
page was written, otherwise it had not been. The last column counts cases (one test may try
many) and the database they ran on; "skipped" says why. Every test here is also part of `make
test`.
"""
REQUIRED = """
## Requirements

| requirement | asks | tests | result |
|---|---|---|---|
"""
PUBLISHED = """
## Weaknesses that others were found to have

| class | what it is | tests | result |
|---|---|---|---|
"""


@dataclass(frozen=True, order=True)
class Test:
    """One test function, by its file and its name."""

    __test__ = False  # pytest collects what is called so

    file: str
    name: str

    def __str__(self) -> str:
        return f"`{self.file}::{self.name}`"


def found(folder: Path = FOLDER) -> list[Test]:
    """Return all tests of the folder as they are written, without running anything."""
    return sorted(
        Test(str(path.relative_to(ROOT)), node.name)
        for path in folder.glob("test_*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
    )


def of_requirement(requirement: Requirement, tests: Iterable[Test]) -> list[Test]:
    """Return the tests that are named after it, and those in files that are."""
    return [
        test
        for test in tests
        if any(each.startswith(requirement.prefix) for each in (Path(test.file).name, test.name))
    ]


def of_weakness(weakness: Weakness, tests: Iterable[Test]) -> list[Test]:
    """Return the tests that carry one of its numbers."""
    return [test for test in tests if any(mark in test.name for mark in weakness.marks)]


# ---- how they ended ----


@dataclass
class Outcomes:
    """What pytest tells of each case while it runs."""

    ended: dict[Test, Counter[str]] = field(default_factory=dict)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count how a case ended, under the database it ran on."""
        if report.when == "call" or report.skipped:
            file, _, case = report.nodeid.partition("::")
            test = Test(file, case.partition("[")[0])
            self.ended.setdefault(test, Counter())[_told(report, case)] += 1


def _told(report: pytest.TestReport, case: str) -> str:
    if report.skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
        return f"skipped: {str(reason).removeprefix('Skipped: ')}"
    engine = "PostgreSQL" if "postgresql" in case else "SQLite" if "sqlite" in case else ""
    return f"{report.outcome} on {engine}" if engine else report.outcome


def summed(tests: Iterable[Test], ended: Mapping[Test, Counter[str]]) -> str:
    """Return in words how the cases of some tests ended."""
    total = sum((ended.get(test, Counter()) for test in tests), Counter[str]())
    return ", ".join(f"{count} {words}" for words, count in sorted(total.items())) or "not run"


# ---- the page ----


def page(tests: Sequence[Test], ended: Mapping[Test, Counter[str]]) -> str:
    """Return the page for these tests and how they ended."""
    return "".join(_lines(tests, ended))


def _lines(tests: Sequence[Test], ended: Mapping[Test, Counter[str]]) -> Iterator[str]:
    yield HEAD
    yield REQUIRED
    for requirement in REQUIREMENTS:
        chosen = of_requirement(requirement, tests)
        yield _row(requirement.name, requirement.asks, chosen, ended)
    yield PUBLISHED
    for weakness in WEAKNESSES:
        chosen = of_weakness(weakness, tests)
        names = "<br>".join((weakness.name, *weakness.published))
        yield _row(names, weakness.asks, chosen, ended)


def _row(name: str, asks: str, tests: Sequence[Test], ended: Mapping[Test, Counter[str]]) -> str:
    listed = "<br>".join(map(str, tests)) or "none yet"
    return f"| {name} | {asks} | {listed} | {summed(tests, ended)} |\n"


def main(arguments: Sequence[str]) -> int:
    """Run the tests, then write the page if all of them passed."""
    outcomes = Outcomes()
    code = pytest.main([str(FOLDER), "--numprocesses=auto", *arguments], plugins=[outcomes])
    if code == pytest.ExitCode.OK:
        PAGE.write_text(page(found(), outcomes.ended))
        sys.stdout.write(f"written: {PAGE.relative_to(ROOT)}\n")
    return int(code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
