"""What the tree promises of itself: listed, mirrored, short, explained and pinned."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
LISTED: list[str] = PROJECT["tool"]["setuptools"]["packages"]
PACKAGES = ("api", "csms", "proxy", "simulators", "storage")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
TOOLED = [*SOURCES, *sorted((ROOT / "tests").glob("*/*.py"))]
LOCKS = (ROOT / "requirements.lock", ROOT / "requirements-dev.lock")
ALL_LOCKS = (*LOCKS, ROOT / "requirements-stores.lock", ROOT / "requirements-audit.lock")
SHORT_ENOUGH_TO_GO_UNMIRRORED = 40
LONGEST_FUNCTION = 30


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


# ---- packages ----


def test_every_package_is_listed_for_installation() -> None:
    found = [name(path.parent).replace("/", ".") for path in SOURCES if path.stem == "__init__"]

    assert sorted(LISTED) == sorted(found)


def mirrors(source: Path) -> Iterator[Path]:
    """Where the test of a module may lie: beside its like, or in one file for its whole folder."""
    yield ROOT / "tests" / source.parent.relative_to(ROOT) / f"test_{source.stem.strip('_')}.py"
    if source.parent.parent != ROOT:
        folder = source.parent
        yield ROOT / "tests" / folder.parent.relative_to(ROOT) / f"test_{folder.name}.py"


Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions_of(source: Path) -> Iterator[Function]:
    """Yield the functions that do something; a port and a record only declare."""
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, Function) and statements_of(node):
            yield node


def statements_of(function: Function) -> list[ast.stmt]:
    """Leave out the docstring and the ellipsis."""
    return [
        statement
        for statement in function.body
        if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))
    ]


@pytest.mark.parametrize("source", SOURCES, ids=name)
def test_a_module_has_its_mirror_test(source: Path) -> None:
    short = len(source.read_text().splitlines()) <= SHORT_ENOUGH_TO_GO_UNMIRRORED

    assert short or not any(functions_of(source)) or any(m.exists() for m in mirrors(source))


@pytest.mark.parametrize("source", SOURCES, ids=name)
def test_no_function_is_too_long_to_be_read_at_a_glance(source: Path) -> None:
    def lines(function: Function) -> int:
        body = statements_of(function)
        return (body[-1].end_lineno or 0) - body[0].lineno + 1

    assert [f.name for f in functions_of(source) if lines(f) > LONGEST_FUNCTION] == []


# ---- exceptions to the tools carry their reason ----

WITHOUT_REASON = re.compile(r"# (?:noqa(?:: [A-Z0-9, ]+)?|type: ignore(?:\[[\w, -]+\])?)\s*$")


@pytest.mark.parametrize("source", TOOLED, ids=name)
def test_a_silenced_tool_is_told_why(source: Path) -> None:
    assert [line for line in source.read_text().splitlines() if WITHOUT_REASON.search(line)] == []


def test_an_ignored_rule_has_its_reason_beside_it() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    rules = re.findall(r'^    "[A-Z]+[0-9]*",.*$', text, re.MULTILINE)

    assert len(rules) > len(PROJECT["tool"]["ruff"]["lint"]["ignore"])
    assert [rule for rule in rules if "  # " not in rule] == []


# ---- dependencies ----


def canonical(requirement: str) -> str:
    project = re.match(r"[\w.-]+", requirement)
    assert project
    return re.sub(r"[-_.]+", "-", project[0]).lower()


def pins(lock: Path) -> set[str]:
    return set(re.findall(r"^[a-z0-9.-]+==[^ ]+", lock.read_text(), re.MULTILINE))


@pytest.mark.parametrize("lock", ALL_LOCKS, ids=name)
def test_a_lock_names_no_address_and_no_path(lock: Path) -> None:
    assert re.findall(r"https?:|--index|--find-links|/tmp|/home", lock.read_text()) == []


@pytest.mark.parametrize("lock", ALL_LOCKS, ids=name)
def test_every_locked_version_has_its_hashes(lock: Path) -> None:
    entries = re.split(r"\n(?=[a-z0-9])", lock.read_text())[1:]

    assert len(entries) == len(pins(lock))
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []


def test_every_declared_dependency_is_locked() -> None:
    build = [*PROJECT["build-system"]["requires"], *PROJECT["dependency-groups"]["build"]]
    declared = {canonical(line) for line in [*PROJECT["project"]["dependencies"], *build]}

    assert declared <= {canonical(pin) for pin in pins(ROOT / "requirements.lock")}


def test_every_stand_in_is_locked() -> None:
    declared = {canonical(line) for line in PROJECT["dependency-groups"]["stores"]}

    assert declared <= {canonical(pin) for pin in pins(ROOT / "requirements-stores.lock")}


def test_development_runs_what_users_run() -> None:
    runtime, development = (pins(lock) for lock in LOCKS)

    assert runtime <= development


def test_every_dependency_is_accounted_for() -> None:
    records = "\n".join(path.read_text() for path in (ROOT / "docs/adr").glob("*.md"))
    extras = PROJECT["project"]["optional-dependencies"]["kafka"]
    declared = {canonical(line) for line in [*PROJECT["project"]["dependencies"], *extras]}

    assert {each for each in declared if each not in records.lower()} == set()


def test_the_npm_lock_names_no_download_address() -> None:
    assert '"resolved"' not in (ROOT / "tests/node/package-lock.json").read_text()
