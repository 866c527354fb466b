"""What the documents name exists: commands, targets, files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from csms.__main__ import app

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def fenced(document: Path) -> str:
    return "\n".join(
        re.findall(r"^```\w*\n(.*?)^```", document.read_text(), re.DOTALL | re.MULTILINE)
    )


def test_every_make_target_in_the_readme_exists() -> None:
    targets = re.findall(r"^([\w.-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    used = re.findall(r"\bmake ([a-z]+)", fenced(ROOT / "README.md"))

    assert used
    assert set(used) <= set(targets)


def commands(group: Any, prefix: str = "") -> Iterator[str]:
    for key, command in group.commands.items():
        yield f"{prefix}{key}"
        if hasattr(command, "commands"):
            yield from commands(command, f"{prefix}{key} ")


def used(document: Path) -> list[tuple[str, str]]:
    return re.findall(r"\bringmain ([a-z-]+)(?: ([a-z]+\b))?", fenced(document))


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_command_that_is_shown_exists(document: Path) -> None:
    known = set(commands(typer.main.get_command(app)))

    assert [
        pair
        for pair in used(document)
        if pair[0] not in known or (pair[1] and " ".join(pair) not in known)
    ] == []


def test_commands_are_found_where_they_are_shown() -> None:
    assert ("simulate", "site") in used(ROOT / "README.md")
    assert ("simulate", "site") in used(ROOT / "docs/commissioning.md")


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_a_link_to_a_file_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text())

    assert [link for link in links if not (document.parent / link).exists()] == []


def test_decisions_are_numbered_once() -> None:
    records = sorted(path.name for path in (ROOT / "docs/adr").glob("*.md"))

    assert [record for record in records if not re.match(r"\d{4}-[a-z0-9-]+\.md$", record)] == []
    assert len({record[:4] for record in records}) == len(records)


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_a_test_that_is_named_exists(document: Path) -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", document.read_text())

    assert [
        f"{file}::{test}"
        for file, test in named
        if not re.search(rf"def {test}\(", (ROOT / file).read_text())
    ] == []
